"""The flow `receive-once`: payments over a FIFO and a standard queue, each effect exactly once."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdk_app.demo.driver import (
    DRAIN_PATIENCE_SECONDS,
    KILL_PATIENCE_SECONDS,
    ConsumedQueue,
    kill_working_handlers,
    send,
    wait_until_drained,
)
from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport, Outputs, Tell
from cdk_app.demo.load import LoadShape, PlannedMessage, plan_messages
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.payment_findings import PaymentFindings, compare_payments, read_dead_letters, read_payments
from tsunagu.local.embedded_cloud import EmbeddedCloud

SHAPE = LoadShape(messages=100, accounts=10, invalid_share=0.02)
STACK_NAME = "tsunagu-embedded-payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveOnce:
    """Send payments, kill handlers, and balance the books.

    Attributes:
        seed: Decides every message.
        shape: What each of the two queues gets.
        kills: Moments at which the handlers of a queue are killed.
    """

    seed: int = 1
    shape: LoadShape = SHAPE
    kills: int = 1
    name: str = "receive-once"

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, tell: Tell) -> FlowReport:
        """Drive the flow; see `Flow`."""
        started = time.monotonic()
        stack = payment_outputs(outputs)
        queues = payment_queues(stack)
        sqs = cloud.client("sqs")
        loads = {queue.name: plan_messages(self.seed, queue.name, self.shape) for queue in queues}
        killed = sum(self._drive(cloud, queue, loads[queue.name], tell) for queue in queues)
        wait_until_drained(
            sqs,
            queues,
            patience_seconds=DRAIN_PATIENCE_SECONDS,
            tell=lambda left: tell(f"{left} messages left; what was killed comes back after its visibility time-out"),
        )
        tell("balancing the books")
        table = read_payments(cloud.client("dynamodb"), stack["PaymentsTableName"])
        findings = [
            compare_payments(
                loads[queue.name], table, read_dead_letters(sqs, queue.dead_letter_queue_url), ordered=queue.fifo
            )
            for queue in queues
        ]
        return compose_report(
            findings,
            sent=sum(map(len, loads.values())),
            killed=killed,
            deferred=sum(count_deferrals(cloud, queue.function_name) for queue in queues),
            seconds=time.monotonic() - started,
        )

    def _drive(self, cloud: EmbeddedCloud, queue: ConsumedQueue, messages: Sequence[PlannedMessage], tell: Tell) -> int:
        """Send `messages` in as many parts as there are kills, and kill after each part; return the number killed."""
        sqs = cloud.client("sqs")
        size = math.ceil(len(messages) / self.kills)
        killed = 0
        for start in range(0, len(messages), size):
            part = messages[start : start + size]
            tell(f"sending {len(part)} messages to the {queue.name} queue, and killing the handler that works on them")
            send(sqs, queue, part)
            killed += kill_working_handlers(cloud, sqs, queue, patience_seconds=KILL_PATIENCE_SECONDS)
        return killed


def payment_outputs(outputs: Outputs) -> Mapping[str, str]:
    """Return the outputs of the payments stack.

    Raises:
        DemoError: The app of the project has no such stack.
    """
    if STACK_NAME not in outputs:
        msg = f"the app must deploy the stack {STACK_NAME}, got {', '.join(outputs) or 'no stack with outputs'}"
        raise DemoError(msg)
    return outputs[STACK_NAME]


def payment_queues(outputs: Mapping[str, str]) -> tuple[ConsumedQueue, ConsumedQueue]:
    """Return the FIFO and the standard queue of the payments stack, from its outputs."""
    return _queue(outputs, "Fifo"), _queue(outputs, "Standard")


def _queue(outputs: Mapping[str, str], kind: str) -> ConsumedQueue:
    return ConsumedQueue(
        name=kind.lower(),
        queue_url=outputs[f"{kind}QueueUrl"],
        dead_letter_queue_url=outputs[f"{kind}DeadLetterQueueUrl"],
        function_name=outputs[f"{kind}FunctionName"],
        fifo=kind == "Fifo",
    )


def compose_report(
    findings: Sequence[PaymentFindings], *, sent: int, killed: int, deferred: int, seconds: float
) -> FlowReport:
    """Add up what the books say of each queue, and name all that is not as it must be."""
    lost = [payment_id for finding in findings for payment_id in finding.lost]
    doubled = [account for finding in findings for account in finding.doubled]
    problems = [
        *(f"payment {payment_id} must have an effect, got none" for payment_id in lost),
        *(f"{account} must hold each payment once, got one twice" for account in doubled),
        *(sentence for finding in findings for sentence in finding.wrong),
    ]
    if not killed:
        problems.append("a handler must be killed while it works, got none that had work")
    return FlowReport(
        sent=sent,
        effects=sum(finding.effects for finding in findings),
        duplicates=sum(finding.duplicates for finding in findings),
        dead_lettered=sum(finding.dead_lettered for finding in findings),
        lost=len(lost),
        doubled=len(doubled),
        killed=killed,
        deferred=deferred,
        seconds=round(seconds, 1),
        problems=problems,
    )
