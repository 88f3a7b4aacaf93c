"""The flow `pipeline`: orders through inventory, billing and shipping, each effect exactly once a run."""

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cdk_app.demo.driver import (
    DRAIN_PATIENCE_SECONDS,
    KILL_PATIENCE_SECONDS,
    ConsumedQueue,
    kill_next_working_handlers,
    wait_until_drained,
)
from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport, Outputs, Tell
from cdk_app.demo.inbox import Inbox
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.order_findings import (
    Expectation,
    OrderFindings,
    compare_orders,
    read_orders,
    wrong_notifications,
    wrong_refusals,
)
from cdk_app.demo.orders import OrderShape, PlannedOrder, plan_copies, plan_orders
from cdk_app.demo.payment_findings import read_dead_letters
from cdk_app.demo.starts import Preprocessor, Started
from tsunagu.local.embedded_cloud import EmbeddedCloud

STACK_NAME = "tsunagu-embedded-order-pipeline"
SERVICES = ("inventory", "billing", "shipping")
SHAPE = OrderShape(orders=60, customers=10, copied=3, declined=2, flaky=1)
WARMING = 5  # orders that start every handler, before one is killed


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPipeline:
    """Place orders, kill handlers, replay one, and balance the books.

    Attributes:
        seed: Decides every order.
        shape: How many orders of what kind.
        victims: Services of which a handler is killed while it works.
    """

    seed: int = 1
    shape: OrderShape = SHAPE
    victims: Sequence[str] = ("inventory", "shipping")
    name: str = "pipeline"

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, tell: Tell) -> FlowReport:
        """Drive the flow; see `Flow`."""
        began = time.monotonic()
        stack = pipeline_outputs(outputs)
        orders = plan_orders(self.seed, self.name, self.shape)
        placed = plan_copies(self.seed, orders, self.shape)
        preprocessor = Preprocessor(cloud.client("lambda"), stack["PreprocessorFunctionName"])
        tell(f"placing {len(placed)} orders, and killing handlers of {' and '.join(self.victims)} that work on them")
        started, killed = self._place(cloud, stack, preprocessor, placed)
        _drain(cloud, stack, tell)
        replayed = next(index for index, order in enumerate(placed) if not order.is_declined)
        tell("replaying one of them from the shipment")
        replay = preprocessor.ask(replay_question(started[replayed].request_id, "ship"))
        _drain(cloud, stack, tell)
        tell("balancing the books")
        expected = [expectation_of(order, is_replayed=order is placed[replayed]) for order in orders]
        findings, refusals = judge_orders(cloud, stack, expected, single=[replay.run_id], kills=killed)
        return FlowReport(
            sent=len(placed) + 1,
            effects=findings.shipments,
            duplicates=sum(answer.is_duplicate for answer in started),
            dead_lettered=refusals,
            lost=len(findings.lost),
            doubled=len(findings.doubled),
            killed=killed,
            deferred=sum(count_deferrals(cloud, queue.function_name) for queue in pipeline_queues(stack)),
            seconds=round(time.monotonic() - began, 1),
            problems=[*findings.problems, *([] if killed else ["a handler must be killed while it works, got none"])],
        )

    def _place(
        self,
        cloud: EmbeddedCloud,
        stack: Mapping[str, str],
        preprocessor: Preprocessor,
        placed: Sequence[PlannedOrder],
    ) -> tuple[list[Started], int]:
        """Place the orders; return the answers, and the number of handlers killed meanwhile."""
        functions = {queue.name: queue.function_name for queue in pipeline_queues(stack)}
        first = preprocessor.ask_all(order.start() for order in placed[:WARMING])
        _drain(cloud, stack, lambda _: None)
        with ThreadPoolExecutor(1 + len(self.victims)) as helpers:
            kills = [
                helpers.submit(
                    kill_next_working_handlers, cloud, functions[name], patience_seconds=KILL_PATIENCE_SECONDS
                )
                for name in self.victims
            ]
            rest = preprocessor.ask_all(order.start() for order in placed[WARMING:])
            return [*first, *rest], sum(kill.result() for kill in kills)


def pipeline_outputs(outputs: Outputs) -> Mapping[str, str]:
    """Return the outputs of the order pipeline's stack.

    Raises:
        DemoError: The app of the project has no such stack.
    """
    if STACK_NAME not in outputs:
        msg = f"the app must deploy the stack {STACK_NAME}, got {', '.join(outputs) or 'no stack with outputs'}"
        raise DemoError(msg)
    return outputs[STACK_NAME]


def pipeline_queues(stack: Mapping[str, str]) -> tuple[ConsumedQueue, ...]:
    """Return the queue of each service, from the outputs of the stack, in the order of the steps."""
    return tuple(
        ConsumedQueue(
            name=service,
            queue_url=stack[f"{service.capitalize()}QueueUrl"],
            dead_letter_queue_url=stack[f"{service.capitalize()}DeadLetterQueueUrl"],
            function_name=stack[f"{service.capitalize()}FunctionName"],
            fifo=False,
        )
        for service in SERVICES
    )


def replay_question(request_id: str, step: str, **more: object) -> dict[str, object]:
    """Return what the preprocessor is asked, with a key that makes one run of one call."""
    key = f"replay {request_id} {step} {sorted(more.items())}"
    return {"action": "replay", "request_id": request_id, "from_step": step, "idempotency_key": key, **more}


def expectation_of(order: PlannedOrder, *, is_replayed: bool = False) -> Expectation:
    """Return what an order must come to: a declined one is reserved and no more, one replayed is shipped again."""
    if order.is_declined:
        return Expectation(order=order, charges=0, shipments=0)
    return Expectation(order=order, shipments=1 + is_replayed)


def judge_orders(
    cloud: EmbeddedCloud,
    stack: Mapping[str, str],
    expected: Sequence[Expectation],
    *,
    single: Collection[str],
    kills: int,
) -> tuple[OrderFindings, int]:
    """Return what the books say of the orders, and how many were refused by billing; see `wrong_notifications`."""
    queues = {queue.name: queue for queue in pipeline_queues(stack)}
    sqs = cloud.client("sqs")
    findings = compare_orders(expected, read_orders(cloud.client("dynamodb"), stack["OrdersTableName"]))
    letters = read_dead_letters(sqs, queues["billing"].dead_letter_queue_url)
    others = [
        f"{name} must have no dead letter, got {letter.reason}"
        for name in ("inventory", "shipping")
        for letter in read_dead_letters(sqs, queues[name].dead_letter_queue_url)
    ]
    told = Inbox(sqs, stack["NotificationsQueueUrl"]).read()
    misinformed = wrong_notifications(expected, told, single=single, kills=kills)
    wrong = [*findings.wrong, *misinformed, *wrong_refusals(expected, letters), *others]
    return replace(findings, wrong=wrong), len({letter.source or letter.body for letter in letters})


def _drain(cloud: EmbeddedCloud, stack: Mapping[str, str], tell: Tell) -> None:
    wait_until_drained(
        cloud.client("sqs"),
        pipeline_queues(stack),
        patience_seconds=DRAIN_PATIENCE_SECONDS,
        tell=lambda left: tell(f"{left} messages left; what was killed comes back after its visibility time-out"),
    )
