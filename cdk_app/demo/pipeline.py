"""The flow `pipeline`: orders through inventory, billing and shipping, each with one effect for each run."""

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cdk_app.demo.driver import KILL_PATIENCE_SECONDS, ConsumedQueue, drain, kill_next_working_handlers
from cdk_app.demo.flow import FlowReport, Outputs, Progress, outputs_of
from cdk_app.demo.inbox import Inbox
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.order_findings import (
    Expectation,
    OrderFindings,
    compare_orders,
    read_orders,
    wrong_dead_letters,
    wrong_notifications,
)
from cdk_app.demo.orders import OrderShape, PlannedOrder, plan_copies, plan_orders
from cdk_app.demo.payment_findings import find_dead_letters
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.preprocessor_client import PreprocessorClient, StartedRun, replay_command

STACK_NAME = "tsunagu-embedded-order-pipeline"
SERVICES = ("inventory", "billing", "shipping")
SHAPE = OrderShape(orders=60, customers=10, copied=3, declined=2, flaky=1)
WARMING = 5  # orders that start every handler before the first kill
# A killed preprocessor leaves a lease that ends with its invocation, 20 s after it began.
PATIENCE_SECONDS = 60.0
ORDER = '{"order_id": "o-1", "customer": "c-1", "lines": [{"sku": "pen", "quantity": 2}], "currency": "EUR"}'
EXAMPLE = f"echo '{ORDER}' | {{tsunagu}} start orders --file - --stage embedded --yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPipeline:
    """Places orders, kills handlers, replays one order, and compares the orders table with what was ordered.

    Attributes:
        seed: Decides every order.
        shape: How many orders of which kind.
        victims: Services of which a handler is killed while it works.
    """

    seed: int = 1
    shape: OrderShape = SHAPE
    victims: Sequence[str] = ("inventory", "shipping")
    name: str = "pipeline"
    examples: Sequence[str] = (EXAMPLE,)

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, progress: Progress) -> FlowReport:
        """Drive the flow; see `Flow`."""
        began = time.monotonic()
        stack = outputs_of(outputs, STACK_NAME)
        queues = pipeline_queues(stack)
        orders = plan_orders(self.seed, self.name, self.shape)
        placed = plan_copies(self.seed, orders, self.shape)
        preprocessor = preprocessor_of(cloud, stack)
        progress(f"placing {len(placed)} orders, and killing a handler of {' and '.join(self.victims)} while it works")
        started, killed = self._place(cloud, queues, preprocessor, placed)
        drain(cloud, queues, progress)
        replayed = next(index for index, order in enumerate(placed) if not order.is_declined)
        progress("replaying one of them from the shipment")
        replay = preprocessor.ask(replay_once(started[replayed].request_id, "ship"))
        drain(cloud, queues, progress)
        progress("comparing the orders table with what was ordered")
        expected = [expectation_of(order, is_replayed=order is placed[replayed]) for order in orders]
        findings, declined = find_and_compare(cloud, stack, expected, single=[replay.run_id], kills=killed)
        return FlowReport(
            sent=len(placed) + 1,
            effects=findings.shipments,
            duplicates=sum(run.is_duplicate for run in started),
            dead_lettered=declined,
            lost=len(findings.lost),
            doubled=len(findings.doubled),
            killed=killed,
            deferred=sum(count_deferrals(cloud, queue.function_name) for queue in queues),
            seconds=round(time.monotonic() - began, 1),
            problems=[*findings.problems, *([] if killed else ["a handler must be killed while it works, got none"])],
        )

    def _place(
        self,
        cloud: EmbeddedCloud,
        queues: Sequence[ConsumedQueue],
        preprocessor: PreprocessorClient,
        placed: Sequence[PlannedOrder],
    ) -> tuple[list[StartedRun], int]:
        """Place the orders; return their runs, and the number of handlers killed meanwhile."""
        functions = {queue.name: queue.function_name for queue in queues}
        first = preprocessor.ask_all(order.start() for order in placed[:WARMING])
        drain(cloud, queues)
        with ThreadPoolExecutor(1 + len(self.victims)) as helpers:
            kills = [
                helpers.submit(
                    kill_next_working_handlers, cloud, functions[name], patience_seconds=KILL_PATIENCE_SECONDS
                )
                for name in self.victims
            ]
            rest = preprocessor.ask_all(order.start() for order in placed[WARMING:])
            return [*first, *rest], sum(kill.result() for kill in kills)


def preprocessor_of(cloud: EmbeddedCloud, stack: Mapping[str, str]) -> PreprocessorClient:
    """Return a client of the preprocessor that the outputs of a stack name. It retries for a minute."""
    function_name = stack["PreprocessorFunctionName"]
    return PreprocessorClient(cloud.client("lambda"), function_name, patience_seconds=PATIENCE_SECONDS)


def pipeline_queues(stack: Mapping[str, str]) -> tuple[ConsumedQueue, ...]:
    """Return the queue of each service, from the outputs of the stack, in the order of the steps."""
    return tuple(ConsumedQueue.from_outputs(stack, service) for service in SERVICES)


def replay_once(request_id: str, step: str) -> dict[str, object]:
    """Return the command that replays a request from a step. Sent again, it starts no second run."""
    return replay_command(request_id, step, key=f"replay {request_id} {step}")


def expectation_of(order: PlannedOrder, *, is_replayed: bool = False) -> Expectation:
    """Return the effects that an order must have.

    A declined order is only reserved. An order that is replayed from the shipment is shipped twice.
    """
    if order.is_declined:
        return Expectation(order=order, charges=0, shipments=0)
    return Expectation(order=order, shipments=1 + is_replayed)


def find_and_compare(
    cloud: EmbeddedCloud,
    stack: Mapping[str, str],
    expected: Sequence[Expectation],
    *,
    single: Collection[str],
    kills: int,
) -> tuple[OrderFindings, int]:
    """Read tables and queues, and compare them with the expectations.

    Args:
        cloud: Where the stack is deployed.
        stack: Outputs of the stack.
        expected: The orders, with their effects.
        single: Runs that must be notified exactly once; see `wrong_notifications`.
        kills: Number of handlers that were killed.

    Returns:
        The findings, and the number of orders that billing dead-lettered.
    """
    queues = {queue.name: queue for queue in pipeline_queues(stack)}
    sqs = cloud.client("sqs")
    findings = compare_orders(expected, read_orders(cloud.client("dynamodb"), stack["OrdersTableName"]))
    letters = {name: find_dead_letters(sqs, queue.dead_letter_queue_url) for name, queue in queues.items()}
    declined = letters.pop("billing")
    others = [
        f"{name} must have no dead letter, got {letter.reason}" for name, found in letters.items() for letter in found
    ]
    notifications = Inbox(sqs, stack["NotificationsQueueUrl"]).read()
    wrong = [
        *findings.wrong,
        *wrong_notifications(expected, notifications, single=single, kills=kills),
        *wrong_dead_letters(expected, declined),
        *others,
    ]
    return replace(findings, wrong=wrong), len({letter.source or letter.body for letter in declined})
