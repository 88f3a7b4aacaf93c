"""A thousand payments, with copies, poison and killed handlers: what the effects must be."""

import json
from collections import Counter

import pytest

from cdk_app.demo.load import PlannedMessage
from tests.e2e.deployed import Run
from tsunagu.contracts.items import FENCE, STATUS, Status

QUEUES = ["fifo", "standard"]
# What the reason of each flaw must name.
REASONS = {
    "text that is not JSON": "JSON",
    "no payment_id": "payment_id",
    "negative amount": "amount",
    "amount as text": "amount",
    "currency in words": "currency",
    "a list": "JSON object",
}


def amounts(messages: tuple[PlannedMessage, ...]) -> dict[tuple[str, str], int]:
    """Sum of the different valid bodies by account and currency, read from the bodies alone."""
    totals: Counter[tuple[str, str]] = Counter()
    for body in {message.body for message in messages if message.flaw is None}:
        fields = json.loads(body)
        totals[fields["account"], fields["currency"]] += fields["amount"]
    return dict(totals)


def test_nothing_is_lost_doubled_or_wrong(run: Run) -> None:
    assert run.report.problems == []
    assert (run.report.lost, run.report.doubled) == (0, 0)


def test_everything_sent_is_an_effect_a_skipped_duplicate_or_a_dead_letter(run: Run) -> None:
    report = run.report

    assert (report.sent, report.effects, report.duplicates, report.dead_lettered) == (524, 496, 24, 4)


def test_handlers_were_killed_on_both_queues(run: Run) -> None:
    assert run.report.killed >= 2


def test_claims_of_killed_handlers_were_taken_over(run: Run) -> None:
    assert any(int(item[FENCE]["N"]) > 1 for item in run.items)


@pytest.mark.parametrize("queue", QUEUES)
def test_balances_are_the_sums_of_the_valid_bodies(run: Run, queue: str) -> None:
    balances = {key: balance.amount for key, balance in run.table.balances.items() if key[0].startswith(queue)}

    assert balances == amounts(run.loads[queue])


def test_effects_of_a_group_are_in_the_order_of_sending(run: Run) -> None:
    recorded = sorted(run.table.payments.values(), key=lambda entry: entry.recorded_at)
    by_account: dict[str, list[str]] = {}
    for entry in recorded:
        if entry.payment.account.startswith("fifo"):
            by_account.setdefault(entry.payment.account, []).append(entry.payment.payment_id)

    # Payment ids of a load rise in the order of sending.
    assert len(by_account) == 20
    assert all(payment_ids == sorted(payment_ids) for payment_ids in by_account.values())


@pytest.mark.parametrize("queue", QUEUES)
def test_every_invalid_message_is_a_dead_letter_that_names_what_is_wrong(run: Run, queue: str) -> None:
    reasons = {letter.body: letter.reason for letter in run.dead_letters[queue]}
    invalid = {message.body: message.flaw for message in run.loads[queue] if message.flaw is not None}

    assert reasons.keys() == invalid.keys()
    assert all(REASONS[flaw] in (reasons[body] or "") for body, flaw in invalid.items())


def test_every_dead_letter_was_notified_with_its_request_id_and_reason(run: Run) -> None:
    notified = {
        letter["request_id"]: letter["reason"]
        for notification in run.notifications
        for letter in notification.get("dead_letters", [])
    }
    invalid = {message.request_id: message.flaw for load in run.loads.values() for message in load if message.flaw}

    assert notified.keys() == invalid.keys()
    assert all(REASONS[flaw] in notified[request_id] for request_id, flaw in invalid.items())


def test_the_alarm_of_each_dead_letter_queue_reached_the_topic(run: Run) -> None:
    alarms = [alarm["AlarmName"] for alarm in run.notifications if alarm.get("NewStateValue") == "ALARM"]

    assert len(alarms) == 2
    assert all(any(f"{kind}ReceiverDeadLetterAlarm" in name for name in alarms) for kind in ("Fifo", "Standard"))


def test_queues_are_empty(run: Run) -> None:
    assert run.left_in_queues == [0, 0]


def test_idempotency_items_are_completed_or_dead(run: Run) -> None:
    assert Counter(item[STATUS]["S"] for item in run.items) == {Status.COMPLETED: 496, Status.DEAD: 4}


def test_log_lines_are_json_and_name_the_request_of_each_dead_letter(run: Run) -> None:
    lines = [json.loads(text) for text in run.log_lines]
    invalid = {message.request_id for load in run.loads.values() for message in load if message.flaw}

    named = {line["request_id"] for line in lines if line.get("message") == "message dead-lettered"}
    # A handler that is killed between the letter and the line takes the line with it.
    assert named <= invalid
    assert len(invalid - named) < len(invalid) / 2
    assert all("request_id" in line for line in lines if "message_id" in line)


def test_no_log_line_holds_anything_of_a_body(run: Run) -> None:
    text = "\n".join(run.log_lines)

    assert "batch settled" in text
    assert "-payment-" not in text
    assert "-account-" not in text
