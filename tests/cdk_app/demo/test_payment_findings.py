from dataclasses import replace

import boto3
import pytest

from cdk_app.demo.load import PlannedMessage, PlannedPayment
from cdk_app.demo.payment_findings import (
    Balance,
    FoundDeadLetter,
    PaymentFindings,
    PaymentsTable,
    RecordedPayment,
    compare_payments,
    find_dead_letters,
    read_payments,
)

FIRST = PlannedPayment(payment_id="p-1", account="a", amount=100, currency="EUR")
SECOND = PlannedPayment(payment_id="p-2", account="a", amount=20, currency="EUR")
ELSEWHERE = PlannedPayment(payment_id="q-1", account="z", amount=5, currency="EUR")
POISON = PlannedMessage(body="{", group_id="a", request_id="r-poison", flaw="text that is not JSON")
POISON_LETTER = FoundDeadLetter(body="{", reason="not JSON", source="m-1")


def sent(payment: PlannedPayment) -> PlannedMessage:
    return PlannedMessage(
        body=payment.payment_id, group_id=payment.account, request_id=f"r-{payment.payment_id}", payment=payment
    )


def table(*payments: PlannedPayment, balances: dict[tuple[str, str], Balance] | None = None) -> PaymentsTable:
    totals: dict[tuple[str, str], Balance] = {}
    for payment in payments:
        key = payment.account, payment.currency
        total = totals.get(key, Balance())
        totals[key] = Balance(amount=total.amount + payment.amount, payments=total.payments + 1)
    return PaymentsTable(
        payments={
            payment.payment_id: RecordedPayment(payment=payment, recorded_at=at) for at, payment in enumerate(payments)
        },
        balances={**totals, **(balances or {})},
    )


def test_nothing_is_wrong_when_each_effect_is_there_once_and_the_poison_is_a_dead_letter() -> None:
    findings = compare_payments(
        [sent(FIRST), sent(FIRST), POISON, sent(SECOND)], table(FIRST, SECOND), [POISON_LETTER], ordered=True
    )

    assert findings == PaymentFindings(effects=2, duplicates=1, dead_lettered=1, lost=[], doubled=[], wrong=[])


def test_a_payment_without_effect_is_lost() -> None:
    findings = compare_payments([sent(FIRST), sent(SECOND)], table(FIRST), [], ordered=True)

    assert findings.lost == ["p-2"]
    assert findings.wrong == ["balance of a must be 120 EUR from 2 payments, got 100 from 1"]


def test_a_payment_added_twice_is_doubled_though_it_is_recorded_once() -> None:
    twice = {("a", "EUR"): Balance(amount=200, payments=2)}

    findings = compare_payments([sent(FIRST), sent(FIRST)], table(FIRST, balances=twice), [], ordered=True)

    assert (findings.effects, findings.duplicates, findings.doubled) == (2, 0, ["a EUR"])


def test_a_loss_and_a_double_in_one_account_do_not_cancel_out() -> None:
    twice = {("a", "EUR"): Balance(amount=200, payments=2)}

    findings = compare_payments([sent(FIRST), sent(SECOND)], table(FIRST, balances=twice), [], ordered=True)

    assert findings.lost == ["p-2"]
    assert findings.doubled == ["a EUR"]


def test_a_balance_of_the_wrong_amount_is_found() -> None:
    off = {("a", "EUR"): Balance(amount=99, payments=1)}

    findings = compare_payments([sent(FIRST)], table(FIRST, balances=off), [], ordered=True)

    assert findings.wrong == ["balance of a must be 100 EUR from 1 payments, got 99 from 1"]


def test_effects_of_an_invalid_message_are_found() -> None:
    findings = compare_payments([sent(FIRST), POISON], table(FIRST, SECOND), [POISON_LETTER], ordered=True)

    assert findings.wrong[0] == "payment p-2 must not be there: no valid message asked for it"


def test_a_recorded_payment_with_other_content_is_found() -> None:
    findings = compare_payments([sent(FIRST)], table(replace(FIRST, amount=1)), [], ordered=True)

    assert findings.wrong[0].startswith("payment p-1 must be PlannedPayment(")


def test_the_wrong_order_inside_an_account_is_found_where_order_matters() -> None:
    findings = compare_payments([sent(FIRST), sent(SECOND)], table(SECOND, FIRST), [], ordered=True)

    assert findings.wrong == ["payment p-2 must be recorded after p-1, got the other order"]


def test_any_order_will_do_on_a_standard_queue() -> None:
    findings = compare_payments([sent(FIRST), sent(SECOND)], table(SECOND, FIRST), [], ordered=False)

    assert findings.wrong == []


def test_accounts_of_other_loads_are_left_out() -> None:
    findings = compare_payments([sent(FIRST)], table(FIRST, ELSEWHERE), [], ordered=True)

    assert (findings.effects, findings.wrong) == (1, [])


def test_an_invalid_message_must_be_among_the_dead_letters() -> None:
    findings = compare_payments([POISON], table(), [], ordered=True)

    assert findings.wrong == [
        "an invalid message (text that is not JSON) must be in the dead-letter queue, got none: {"
    ]


def test_a_valid_message_among_the_dead_letters_is_found() -> None:
    letter = FoundDeadLetter(body="p-1", reason="killed in attempt 5", source="m-1")

    findings = compare_payments([sent(FIRST)], table(FIRST), [letter], ordered=True)

    assert findings.wrong == ["a valid message must not be in the dead-letter queue: p-1 (killed in attempt 5)"]


@pytest.mark.parametrize("reason", [None, ""])
def test_a_dead_letter_without_a_reason_is_found(reason: str | None) -> None:
    findings = compare_payments([POISON], table(), [replace(POISON_LETTER, reason=reason)], ordered=True)

    assert findings.wrong == ["a dead letter must say its reason in tsunagu_dead_letter_reason, got none: {"]


def test_second_copy_of_a_dead_letter_counts_once() -> None:
    findings = compare_payments([POISON], table(), [POISON_LETTER, POISON_LETTER], ordered=True)

    assert (findings.dead_lettered, findings.wrong) == (1, [])


def test_payments_and_balances_are_read_from_the_table(aws: None) -> None:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName="payments",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "account", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "account", "AttributeType": "S"},
            {"AttributeName": "entry", "AttributeType": "S"},
        ],
    )
    payment = {"amount": {"N": "100"}, "currency": {"S": "EUR"}, "recorded_at": {"N": "7"}}
    balance = {"balance": {"N": "100"}, "payments": {"N": "1"}}
    for entry, attributes in (("PAYMENT#p-1", payment), ("BALANCE#EUR", balance)):
        dynamodb.put_item(TableName="payments", Item={"account": {"S": "a"}, "entry": {"S": entry}, **attributes})

    assert read_payments(dynamodb, "payments") == PaymentsTable(
        payments={"p-1": RecordedPayment(payment=FIRST, recorded_at=7)},
        balances={("a", "EUR"): Balance(amount=100, payments=1)},
    )


def test_dead_letters_are_looked_at_and_stay_where_they_are(aws: None) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    for number in range(12):
        sqs.send_message(
            QueueUrl=url,
            MessageBody=str(number),
            MessageAttributes={"tsunagu_dead_letter_reason": {"DataType": "String", "StringValue": "not JSON"}},
        )

    first, second = find_dead_letters(sqs, url), find_dead_letters(sqs, url)

    assert sorted(int(letter.body) for letter in first) == list(range(12))
    assert {letter.reason for letter in first} == {"not JSON"}
    assert len(second) == 12
