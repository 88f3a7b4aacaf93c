"""The flow `receive-once`: payments over a FIFO and a standard queue, each effect exactly once."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdk_app.demo.driver import (
    DRAIN_PATIENCE_SECONDS,
    KILL_PATIENCE_SECONDS,
    Lane,
    kill_working_handlers,
    send,
    wait_until_drained,
)
from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport, Outputs, Tell
from cdk_app.demo.ledger import Findings, balance_books, read_dead_letters, read_payments
from cdk_app.demo.load import LoadShape, PlannedMessage, plan_messages
from cdk_app.demo.logs import count_deferrals
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
        lanes = payment_lanes(stack)
        sqs = cloud.client("sqs")
        loads = {lane.name: plan_messages(self.seed, lane.name, self.shape) for lane in lanes}
        killed = sum(self._drive(cloud, lane, loads[lane.name], tell) for lane in lanes)
        wait_until_drained(
            sqs,
            lanes,
            patience_seconds=DRAIN_PATIENCE_SECONDS,
            tell=lambda left: tell(f"{left} messages left; what was killed comes back after its visibility time-out"),
        )
        tell("balancing the books")
        table = read_payments(cloud.client("dynamodb"), stack["PaymentsTableName"])
        findings = [
            balance_books(
                loads[lane.name], table, read_dead_letters(sqs, lane.dead_letter_queue_url), ordered=lane.fifo
            )
            for lane in lanes
        ]
        return compose_report(
            findings,
            sent=sum(map(len, loads.values())),
            killed=killed,
            deferred=sum(count_deferrals(cloud, lane.function_name) for lane in lanes),
            seconds=time.monotonic() - started,
        )

    def _drive(self, cloud: EmbeddedCloud, lane: Lane, messages: Sequence[PlannedMessage], tell: Tell) -> int:
        """Send `messages` in as many parts as there are kills, and kill after each part; return the number killed."""
        sqs = cloud.client("sqs")
        size = math.ceil(len(messages) / self.kills)
        killed = 0
        for start in range(0, len(messages), size):
            part = messages[start : start + size]
            tell(f"sending {len(part)} messages to the {lane.name} queue, and killing the handler that works on them")
            send(sqs, lane, part)
            killed += kill_working_handlers(cloud, sqs, lane, patience_seconds=KILL_PATIENCE_SECONDS)
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


def payment_lanes(outputs: Mapping[str, str]) -> tuple[Lane, Lane]:
    """Return the FIFO and the standard lane of the payments stack, from its outputs."""
    return _lane(outputs, "Fifo"), _lane(outputs, "Standard")


def _lane(outputs: Mapping[str, str], kind: str) -> Lane:
    return Lane(
        name=kind.lower(),
        queue_url=outputs[f"{kind}QueueUrl"],
        dead_letter_queue_url=outputs[f"{kind}DeadLetterQueueUrl"],
        function_name=outputs[f"{kind}FunctionName"],
        fifo=kind == "Fifo",
    )


def compose_report(
    findings: Sequence[Findings], *, sent: int, killed: int, deferred: int, seconds: float
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
