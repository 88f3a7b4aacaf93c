"""Compares the payments that were sent with the payments table and the dead-letter queues.

Nothing here asks the handlers or their idempotency items. Effects are the items of the payments table, and dead letters
are the messages in the dead-letter queues.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cdk_app.demo.load import PlannedMessage, PlannedPayment
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE
from tsunagu.operations.dead_letters import SqsDeadLetterSource, read_dead_letters

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

PAYMENT_ENTRY = "PAYMENT#"
BALANCE_ENTRY = "BALANCE#"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPayment:
    """A payment in the payments table.

    Attributes:
        payment: The payment.
        recorded_at: When it was recorded, in microseconds since the epoch.
    """

    payment: PlannedPayment
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Balance of an account in one currency.

    Attributes:
        amount: Sum of the payments, in the minor unit.
        payments: How many payments were added. A payment that was added twice counts twice.
    """

    amount: int = 0
    payments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsTable:
    """The content of the payments table.

    Attributes:
        payments: Payments by payment id.
        balances: Balances by account and currency.
    """

    payments: Mapping[str, RecordedPayment]
    balances: Mapping[tuple[str, str], Balance]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeadLetter:
    """A message in a dead-letter queue.

    Attributes:
        body: Its text, as it was sent.
        reason: Why it was dead-lettered; None when the message does not say.
        source: Queue and message id of the message that it was; None when the message does not say.
    """

    body: str
    reason: str | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFindings:
    """Result of the comparison for one queue.

    Attributes:
        effects: Effects that were found. A double effect counts twice.
        duplicates: Copies that arrived and had no effect of their own.
        dead_lettered: Different messages in the dead-letter queue.
        lost: Ids of payments without effect.
        doubled: Accounts and currencies to which a payment was added more than once.
        wrong: A sentence for each other problem.
    """

    effects: int
    duplicates: int
    dead_lettered: int
    lost: Sequence[str]
    doubled: Sequence[str]
    wrong: Sequence[str]


def read_payments(dynamodb: "DynamoDBClient", table_name: str) -> PaymentsTable:
    """Read the whole payments table."""
    payments: dict[str, RecordedPayment] = {}
    balances: dict[tuple[str, str], Balance] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        for item in page["Items"]:
            account, entry = item["account"]["S"], item["entry"]["S"]
            if entry.startswith(PAYMENT_ENTRY):
                payment = PlannedPayment(
                    payment_id=entry.removeprefix(PAYMENT_ENTRY),
                    account=account,
                    amount=int(item["amount"]["N"]),
                    currency=item["currency"]["S"],
                )
                payments[payment.payment_id] = RecordedPayment(
                    payment=payment, recorded_at=int(item["recorded_at"]["N"])
                )
            else:
                currency = entry.removeprefix(BALANCE_ENTRY)
                balance = Balance(amount=int(item["balance"]["N"]), payments=int(item["payments"]["N"]))
                balances[account, currency] = balance
    return PaymentsTable(payments=payments, balances=balances)


def find_dead_letters(sqs: "SQSClient", queue_url: str) -> list[FoundDeadLetter]:
    """Return the messages of a dead-letter queue, and leave them there; see `read_dead_letters`."""
    letters = read_dead_letters(SqsDeadLetterSource(lambda: sqs, queue_url))
    return [
        FoundDeadLetter(body=letter.delivery.body, reason=letter.reason, source=letter.source) for letter in letters
    ]


def compare_payments(
    sent: Sequence[PlannedMessage], table: PaymentsTable, letters: Sequence[FoundDeadLetter], *, ordered: bool
) -> PaymentFindings:
    """Compare what was sent to one queue with the payments table and the dead letters.

    Args:
        sent: Messages in the order of sending.
        table: Payments table. Accounts that `sent` does not have are left out.
        letters: Messages in the dead-letter queue of the queue.
        ordered: Whether the effects of an account must be in the order of sending.
    """
    expected = _expected_payments(sent)
    copies = Counter(message.payment.payment_id for message in sent if message.payment is not None)
    accounts = {message.group_id for message in sent}
    found = {
        payment_id: recorded for payment_id, recorded in table.payments.items() if recorded.payment.account in accounts
    }
    effects = sum(balance.payments for (account, _), balance in table.balances.items() if account in accounts)
    wrong = [*_unexpected_payments(expected, found), *_wrong_balances(expected, table, accounts)]
    if ordered:
        wrong += _out_of_order(expected, found)
    return PaymentFindings(
        effects=effects,
        duplicates=sum(copies[payment_id] for payment_id in found) - effects,
        dead_lettered=len({letter.source or letter.body for letter in letters}),
        lost=[payment_id for payment_id in expected if payment_id not in found],
        doubled=_doubled(found, table, accounts),
        wrong=[*wrong, *_wrong_dead_letters(sent, letters)],
    )


def _expected_payments(sent: Iterable[PlannedMessage]) -> dict[str, PlannedPayment]:
    """Return the payments by id, in the order in which the first copy of each was sent."""
    expected: dict[str, PlannedPayment] = {}
    for message in sent:
        if message.payment is not None:
            expected.setdefault(message.payment.payment_id, message.payment)
    return expected


def _totals(payments: Iterable[PlannedPayment]) -> dict[tuple[str, str], Balance]:
    totals: dict[tuple[str, str], Balance] = {}
    for payment in payments:
        key = payment.account, payment.currency
        before = totals.get(key, Balance())
        totals[key] = Balance(amount=before.amount + payment.amount, payments=before.payments + 1)
    return totals


def _doubled(found: Mapping[str, RecordedPayment], table: PaymentsTable, accounts: set[str]) -> list[str]:
    recorded = _totals(entry.payment for entry in found.values())
    return [
        f"{account} {currency}"
        for (account, currency), balance in table.balances.items()
        if account in accounts and balance.payments > recorded.get((account, currency), Balance()).payments
    ]


def _unexpected_payments(expected: Mapping[str, PlannedPayment], found: Mapping[str, RecordedPayment]) -> Iterator[str]:
    for payment_id, recorded in found.items():
        if payment_id not in expected:
            yield f"payment {payment_id} must not be there: no valid message asked for it"
        elif recorded.payment != expected[payment_id]:
            yield f"payment {payment_id} must be {expected[payment_id]}, got {recorded.payment}"


def _wrong_balances(expected: Mapping[str, PlannedPayment], table: PaymentsTable, accounts: set[str]) -> Iterator[str]:
    totals = _totals(expected.values())
    there = {key: balance for key, balance in table.balances.items() if key[0] in accounts}
    for key in sorted(totals.keys() | there.keys()):
        total, balance = totals.get(key, Balance()), there.get(key, Balance())
        if balance != total:
            account, currency = key
            yield (
                f"balance of {account} must be {total.amount} {currency} from {total.payments} payments, "
                f"got {balance.amount} from {balance.payments}"
            )


def _out_of_order(expected: Mapping[str, PlannedPayment], found: Mapping[str, RecordedPayment]) -> Iterator[str]:
    by_account: dict[str, list[str]] = {}
    for payment_id, payment in expected.items():
        if payment_id in found:
            by_account.setdefault(payment.account, []).append(payment_id)
    for payment_ids in by_account.values():
        for earlier, later in pairwise(payment_ids):
            if found[later].recorded_at < found[earlier].recorded_at:
                yield f"payment {later} must be recorded after {earlier}, got the other order"


def _wrong_dead_letters(sent: Sequence[PlannedMessage], letters: Sequence[FoundDeadLetter]) -> Iterator[str]:
    invalid = {message.body: message.flaw for message in sent if message.flaw is not None}
    there = {letter.body for letter in letters}
    for body, flaw in invalid.items():
        if body not in there:
            yield f"an invalid message ({flaw}) must be in the dead-letter queue, got none: {body}"
    for letter in letters:
        if letter.body not in invalid:
            yield f"a valid message must not be in the dead-letter queue: {letter.body} ({letter.reason})"
        elif not letter.reason:
            yield f"a dead letter must say its reason in {DEAD_LETTER_REASON_ATTRIBUTE}, got none: {letter.body}"
