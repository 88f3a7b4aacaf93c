"""The flow `receive-once`: payments through a FIFO and a standard queue, each with one effect."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdk_app.demo.driver import KILL_PATIENCE_SECONDS, ConsumedQueue, drain, kill_working_handlers, send
from cdk_app.demo.flow import FlowReport, Outputs, Progress, outputs_of
from cdk_app.demo.load import LoadShape, PlannedMessage, plan_messages
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.payment_findings import PaymentFindings, compare_payments, find_dead_letters, read_payments
from tsunagu.local.embedded_cloud import EmbeddedCloud

SHAPE = LoadShape(messages=100, accounts=10, invalid_share=0.02)
STACK_NAME = "tsunagu-embedded-payments"
PAYMENT = '{"payment_id": "p-1", "account": "a-1", "amount": 995, "currency": "EUR"}'
EXAMPLE = (
    f"echo '{PAYMENT}' | {{tsunagu}} send payments --file - --queue fifo --group-by account --stage embedded --yes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveOnce:
    """Sends payments, kills handlers, and compares the payments table with what was sent.

    Attributes:
        seed: Decides every message.
        shape: What each of the two queues gets.
        kills: How often handlers of each queue are killed.
    """

    seed: int = 1
    shape: LoadShape = SHAPE
    kills: int = 1
    name: str = "receive-once"
    examples: Sequence[str] = (EXAMPLE,)

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, progress: Progress) -> FlowReport:
        """Drive the flow; see `Flow`."""
        started = time.monotonic()
        stack = outputs_of(outputs, STACK_NAME)
        queues = payment_queues(stack)
        loads = {queue.name: plan_messages(self.seed, queue.name, self.shape) for queue in queues}
        killed = sum(self._drive(cloud, queue, loads[queue.name], progress) for queue in queues)
        drain(cloud, queues, progress)
        progress("comparing the payments table with what was sent")
        table = read_payments(cloud.client("dynamodb"), stack["PaymentsTableName"])
        sqs = cloud.client("sqs")
        findings = [
            compare_payments(
                loads[queue.name], table, find_dead_letters(sqs, queue.dead_letter_queue_url), ordered=queue.fifo
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

    def _drive(
        self, cloud: EmbeddedCloud, queue: ConsumedQueue, messages: Sequence[PlannedMessage], progress: Progress
    ) -> int:
        """Send `messages` in as many parts as there are kills, kill after each part, and return the number killed."""
        sqs = cloud.client("sqs")
        size = math.ceil(len(messages) / self.kills)
        killed = 0
        for start in range(0, len(messages), size):
            part = messages[start : start + size]
            progress(f"sending {len(part)} messages to the {queue.name} queue, and killing a handler while it works")
            send(sqs, queue, part)
            killed += kill_working_handlers(cloud, sqs, queue, patience_seconds=KILL_PATIENCE_SECONDS)
        return killed


def payment_queues(outputs: Mapping[str, str]) -> tuple[ConsumedQueue, ConsumedQueue]:
    """Return the FIFO and the standard queue of the payments stack, from its outputs."""
    return ConsumedQueue.from_outputs(outputs, "fifo", fifo=True), ConsumedQueue.from_outputs(outputs, "standard")


def compose_report(
    findings: Sequence[PaymentFindings], *, sent: int, killed: int, deferred: int, seconds: float
) -> FlowReport:
    """Add up the findings of the queues, and list every problem."""
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
