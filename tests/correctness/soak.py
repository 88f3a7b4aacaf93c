"""A load of payments through a deployed function behind the fault proxy, and what it came to."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cdk_app.demo.driver import ConsumedQueue, send
from cdk_app.demo.load import LoadShape, PlannedMessage, plan_messages
from cdk_app.demo.payment_findings import (
    FoundDeadLetter,
    PaymentFindings,
    compare_payments,
    find_dead_letters,
    read_payments,
)
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import wait_until_drained

# What is killed comes back after it; longer than a lease, which ends 7 s after its claim: the function's time-out of
# 5 s and the grace of 2 s.
VISIBILITY_SECONDS = 8
DRAIN_PATIENCE_SECONDS = 600.0
COPIED_SHARE = 0.012


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What became of the load of one queue.

    Attributes:
        findings: What the ledger says.
        sent: What was sent.
        dead_letters: What is in the dead-letter queue.
        doubled: Effects too many.
    """

    findings: PaymentFindings
    sent: Sequence[PlannedMessage]
    dead_letters: Sequence[FoundDeadLetter]

    @property
    def lost(self) -> int:
        """Payments without an effect."""
        return len(self.findings.lost)

    @property
    def doubled(self) -> int:
        """Effects too many."""
        payments = {message.payment.payment_id for message in self.sent if message.payment is not None}
        return self.findings.effects - (len(payments) - self.lost)

    @property
    def valid_dead_letters(self) -> list[FoundDeadLetter]:
        """Dead letters that should have had an effect."""
        valid = {message.body for message in self.sent if message.payment is not None}
        return [letter for letter in self.dead_letters if letter.body in valid]


def plan_load(
    seed: int, queue: ConsumedQueue, messages: int, *, only_valid: bool = False
) -> tuple[PlannedMessage, ...]:
    """Return the messages of one queue: one in a hundred invalid, unless only valid ones are wanted."""
    # Many accounts: a kill blocks the groups of its batch, and the load shall go on meanwhile.
    shape = LoadShape(messages=messages, accounts=messages // 3, copied_share=COPIED_SHARE)
    planned = plan_messages(seed, f"{queue.name}-{seed}", shape)  # so that two loads share no payment
    return tuple(message for message in planned if message.payment is not None or not only_valid)


def shorten_visibility(
    cloud: EmbeddedCloud, queues: Sequence[ConsumedQueue], seconds: int = VISIBILITY_SECONDS
) -> None:
    """Let messages of killed handlers come back after `seconds`."""
    for queue in queues:
        attributes = {"VisibilityTimeout": str(seconds)}
        cloud.client("sqs").set_queue_attributes(QueueUrl=queue.queue_url, Attributes=attributes)


def drive(
    cloud: EmbeddedCloud,
    table_name: str,
    loads: Mapping[ConsumedQueue, Sequence[PlannedMessage]],
    *,
    tell: Callable[[int], None] = lambda _left: None,
) -> list[Books]:
    """Send each load to its queue, wait until all queues are empty, and balance the books."""
    sqs = cloud.client("sqs")
    for queue, messages in loads.items():
        sqs.purge_queue(QueueUrl=queue.dead_letter_queue_url)  # of what an earlier load left there
        send(sqs, queue, messages)
    urls = [queue.queue_url for queue in loads]
    wait_until_drained(sqs, urls, patience_seconds=DRAIN_PATIENCE_SECONDS, progress=tell)
    table = read_payments(cloud.client("dynamodb"), table_name)
    books = []
    for queue, messages in loads.items():
        letters = find_dead_letters(sqs, queue.dead_letter_queue_url)
        findings = compare_payments(messages, table, letters, ordered=queue.fifo)
        books.append(Books(findings=findings, sent=messages, dead_letters=letters))
    return books


def statuses(cloud: EmbeddedCloud, table_name: str) -> Counter[str]:
    """Return how many idempotency items are in which state."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    return Counter(item["status"]["S"] for page in pages for item in page["Items"])
