"""Two hundred orders: some twice, some refused, a service stopped, handlers killed, a redrive, and replays."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.driver import kill_next_working_handlers
from cdk_app.demo.order_findings import OrdersTable
from cdk_app.demo.orders import OrderShape, PlannedOrder, plan_copies, plan_orders
from cdk_app.demo.pipeline import replay_once
from tests.e2e.order_desk import OrderDesk
from tsunagu.operations.preprocessor_client import StartedRun
from tsunagu.operations.redrive import RedriveReport

SEED = 2026
SHAPE = OrderShape(orders=200, customers=40, copied=10, declined=6, flaky=4)  # 5 %, 3 %, 2 %
WARMING, WHILE_STOPPED = 10, 70  # orders placed before the faults, and while inventory is stopped
REPLAYED = 20
STEPS = ("reserve", "ship")
KILL_PATIENCE_SECONDS = 60  # on a busy machine, the last service gets its first message late


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replay of an order from a step."""

    order: PlannedOrder
    step: str
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRun:
    """Result of the orders.

    Attributes:
        orders: Different orders.
        placed: Orders as they were placed, copies among them.
        started: The run of each order that was placed.
        while_stopped: The table after billing had processed all orders that were placed while inventory was stopped.
        waiting_while_stopped: Messages that waited for inventory then.
        killed: Handlers killed while they worked, by function.
        refused: Reasons of billing's dead letters, by request id.
        before_redrive: The table while the declined orders were dead letters.
        redriven: Result of the redrive of billing's dead letters.
        letters_after: Dead letters after the redrive, by service.
        before_replays: The table with all orders finished.
        notified_before_replays: Notifications until then.
        replays: The replays, in order.
        after_replays: The table after the replays from each step, by step.
        notified_by_replays: Their notifications.
    """

    orders: Sequence[PlannedOrder]
    placed: Sequence[PlannedOrder]
    started: Sequence[StartedRun]
    while_stopped: OrdersTable
    waiting_while_stopped: int
    killed: Mapping[str, int]
    refused: Mapping[str, str]
    before_redrive: OrdersTable
    redriven: RedriveReport
    letters_after: Mapping[str, int]
    before_replays: OrdersTable
    notified_before_replays: Sequence[Mapping[str, Any]]
    replays: Sequence[Replay]
    after_replays: Mapping[str, OrdersTable]
    notified_by_replays: Sequence[Mapping[str, Any]]

    @property
    def request_ids(self) -> Mapping[str, str]:
        """The request id of each order."""
        return {order.order_id: answer.request_id for order, answer in zip(self.placed, self.started, strict=True)}


def run_orders(desk: OrderDesk) -> OrderRun:
    """Place the orders, with every fault, and see them finished."""
    orders = plan_orders(SEED, "run", SHAPE)
    placed = plan_copies(SEED, orders, SHAPE)
    started = place(desk, placed[:WARMING])
    desk.drain()
    with desk.stopped("inventory"):
        started += place(desk, placed[WARMING:WHILE_STOPPED])
        desk.drain("billing")
        while_stopped, waiting = desk.table(), desk.waiting("inventory")
    rest, killed = place_and_kill(desk, placed[WHILE_STOPPED:])
    started += rest
    desk.drain()
    refused, before_redrive = desk.reasons("billing"), desk.table()
    with desk.configured("billing", PAYMENT_TEST_MODE="false"):
        redriven = desk.redrive("billing")
        desk.drain()
    letters_after = {service: desk.dead(service) for service in desk.queues}
    before_replays, notified = desk.table(), desk.notifications()
    request_ids = {order.order_id: answer.request_id for order, answer in zip(placed, started, strict=True)}
    replays, tables = replay_all(desk, [order for order in orders if not order.is_declined][:REPLAYED], request_ids)
    return OrderRun(
        orders=orders,
        placed=placed,
        started=started,
        while_stopped=while_stopped,
        waiting_while_stopped=waiting,
        killed=killed,
        refused=refused,
        before_redrive=before_redrive,
        redriven=redriven,
        letters_after=letters_after,
        before_replays=before_replays,
        notified_before_replays=notified,
        replays=replays,
        after_replays=tables,
        notified_by_replays=desk.notifications(),
    )


def place(desk: OrderDesk, orders: Sequence[PlannedOrder]) -> list[StartedRun]:
    return desk.preprocessor.ask_all(order.start() for order in orders)


def place_and_kill(desk: OrderDesk, orders: Sequence[PlannedOrder]) -> tuple[list[StartedRun], dict[str, int]]:
    """Place orders, and kill handlers of each function meanwhile."""
    functions = {name: queue.function_name for name, queue in desk.queues.items()}
    functions["preprocessor"] = desk.preprocessor.function_name
    with ThreadPoolExecutor(len(functions)) as killers:
        kills = {
            name: killers.submit(
                kill_next_working_handlers, desk.cloud, function, patience_seconds=KILL_PATIENCE_SECONDS
            )
            for name, function in functions.items()
        }
        started = place(desk, orders)
        return started, {name: kill.result() for name, kill in kills.items()}


def replay_all(
    desk: OrderDesk, orders: Sequence[PlannedOrder], request_ids: Mapping[str, str]
) -> tuple[list[Replay], dict[str, OrdersTable]]:
    """Replay each order from each step; return the replays, and the table after those from each step."""
    replays, tables = [], {}
    for step in STEPS:
        commands = [replay_once(request_ids[order.order_id], step) for order in orders]
        answers = desk.preprocessor.ask_all(commands)
        replays += [
            Replay(order=order, step=step, run_id=answer.run_id) for order, answer in zip(orders, answers, strict=True)
        ]
        desk.drain()
        tables[step] = desk.table()
    return replays, tables
