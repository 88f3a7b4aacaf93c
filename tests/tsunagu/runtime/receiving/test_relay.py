"""The relay: what becomes of the messages of a committed item, by what became of their sends."""

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tsunagu.contracts.items import FREE, NEVER, Status
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import LeaseTerm
from tsunagu.runtime.receiving.relay import AddressedMessage, Relay, Relayed, RelayResult, addressed_messages
from tsunagu.runtime.sending.outbox import SEND_ROUNDS, Channel, OutboxMessage, encode
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import DENIED, START_MS, FakeClock, FakeItemStore

OUTBOX = [
    OutboxMessage(channel=Channel.QUEUE, target="https://sqs/next", body="a", attributes={"n": "v"}, group_id="g"),
    OutboxMessage(channel=Channel.TASK_FAILURE, target="t", body="b", error="Bad", trace_header="Root=1"),
    OutboxMessage(channel=Channel.TOPIC, target="arn:aws:sns:eu-central-1:1:done", body="", is_result=True),
]
ITEM = Item(
    id="orders#1",
    status=Status.COMMITTED,
    owner="me",
    fence=2,
    lease=START_MS + 5_000,
    attempts=3,
    payload_hash="p",
    outbox=encode(OUTBOX),
    result="the result",
)
MISSING = FailedCall("sqs:SendMessage", "next", "QueueDoesNotExist", is_configuration_fault=True, is_missing=True)
THROTTLED = FailedCall("sqs:SendMessage", "next", "ThrottlingException")
SENT = SendResult("sent")


class Sender:
    """Gives its sends the results that a test prepared."""

    def __init__(self, *results: SendResult) -> None:
        self.results = results
        self.taken: list[list[AddressedMessage]] = []

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        self.taken.append([*messages])
        return [*self.results]


class Desk:
    """A relay over a store that holds one item."""

    def __init__(self, sender: Sender, *items: Item) -> None:
        clock, self.store, self.stream = FakeClock(), FakeItemStore(), io.StringIO()
        self.store.items = {item.id: item for item in items}
        self.metrics = Metrics("Tsunagu", "orders", clock, self.stream)
        idempotency = Idempotency(
            self.store,
            clock,
            owner="me",
            lease=LeaseTerm(clock, START_MS + 10_000),
            window_seconds=3_600,
            rng=random.Random(7),
        )
        self.relay = Relay(sender, idempotency, self.metrics)


def relayed(*results: SendResult, rounds: int = 3) -> RelayResult:
    item = replace(ITEM, attempts=rounds, outbox=encode(OUTBOX[:1] * len(results)))
    (result,) = Desk(Sender(*results), item).relay.relay([(item, "origin")])
    return replace(result, item=replace(result.item, outbox=ITEM.outbox))


def test_messages_are_addressed_with_ids_of_item_payload_and_number() -> None:
    addressed = addressed_messages(ITEM)

    assert [each.outbox_message for each in addressed] == [
        *OUTBOX[:2],
        replace(OUTBOX[2], body="the result", is_result=False),
    ]
    assert [each.deduplication_id for each in addressed] == [
        hashlib.sha256(f"orders#1/p/{number}".encode()).hexdigest() for number in range(3)
    ]
    assert {(each.item, each.origin) for each in addressed} == {(ITEM, "")}
    assert addressed_messages(replace(ITEM, outbox="")) == []


REFUSED = SendResult(
    None, "InvalidParameter: secret", is_permanent=True, call=FailedCall("sqs:SendMessage", "next", "InvalidParameter")
)
GONE = SendResult(None, "ServiceUnavailable: gone", call=THROTTLED)
NOT_ALLOWED = SendResult(None, "AccessDenied: no", call=DENIED)
NOT_THERE = SendResult(None, "QueueDoesNotExist: next", call=MISSING)
UNKNOWN = SendResult(None, "odd")
REFUSALS = "done, but its messages were refused"


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([SENT, SENT], RelayResult(replace(ITEM, attempts=3), Relayed.SENT)),
        (
            [SENT, GONE],
            RelayResult(replace(ITEM, attempts=4, reason="ServiceUnavailable: gone"), Relayed.LATER, THROTTLED),
        ),
        ([UNKNOWN], RelayResult(replace(ITEM, attempts=4, reason="odd"), Relayed.LATER)),
        (
            [UNKNOWN, GONE, NOT_THERE],
            RelayResult(replace(ITEM, attempts=4, reason="odd"), Relayed.LATER, MISSING),
        ),
        (
            [NOT_ALLOWED, SENT],
            RelayResult(replace(ITEM, reason=str(DENIED)), Relayed.LATER, DENIED, was_counted=False),
        ),
        (
            [REFUSED, NOT_ALLOWED],
            RelayResult(replace(ITEM, reason=str(DENIED)), Relayed.LATER, DENIED, was_counted=False),
        ),
        (
            [NOT_ALLOWED, GONE],
            RelayResult(replace(ITEM, attempts=4, reason="AccessDenied: no"), Relayed.LATER, DENIED),
        ),
        (
            [REFUSED, GONE],
            RelayResult(replace(ITEM, attempts=4, reason="ServiceUnavailable: gone"), Relayed.LATER, REFUSED.call),
        ),
        (
            [SENT, REFUSED],
            RelayResult(
                replace(
                    ITEM,
                    attempts=4,
                    reason=f"{REFUSALS} 4 times, the last with InvalidParameter: secret",
                    published_reason=f"{REFUSALS} 4 times, the last with InvalidParameter",
                ),
                Relayed.NEVER,
                REFUSED.call,
            ),
        ),
        (
            [replace(UNKNOWN, is_permanent=True)],
            RelayResult(
                replace(
                    ITEM,
                    attempts=4,
                    reason=f"{REFUSALS} 4 times, the last with odd",
                    published_reason=f"{REFUSALS} 4 times, the last with odd",
                ),
                Relayed.NEVER,
            ),
        ),
    ],
)
def test_sends_decide_what_becomes_of_the_messages(results: list[SendResult], expected: RelayResult) -> None:
    assert relayed(*results) == expected


@pytest.mark.parametrize(("rounds", "outcome"), [(SEND_ROUNDS - 2, Relayed.LATER), (SEND_ROUNDS - 1, Relayed.NEVER)])
def test_sends_that_may_succeed_are_tried_for_all_rounds(rounds: int, outcome: Relayed) -> None:
    assert relayed(GONE, rounds=rounds).outcome is outcome
    assert relayed(NOT_THERE, rounds=rounds).outcome is outcome
    assert relayed(NOT_ALLOWED, rounds=rounds).outcome is Relayed.LATER


def test_items_are_sent_by_one_call_and_each_has_its_results() -> None:
    other = replace(ITEM, id="orders#2", outbox=encode(OUTBOX[:1]))
    sender = Sender(SENT, SENT, SENT, GONE)
    desk = Desk(sender, ITEM, other)

    results = desk.relay.relay([(ITEM, "first"), (other, "second")])

    assert [result.outcome for result in results] == [Relayed.SENT, Relayed.LATER]
    (taken,) = sender.taken
    assert [(each.item, each.origin) for each in taken] == [(ITEM, "first")] * 3 + [(other, "second")]
    sent, waiting = desk.store.items.values()
    assert (sent.status, sent.lease, sent.outbox) == (Status.COMPLETED, NEVER, "")
    assert (waiting.status, waiting.lease, waiting.attempts) == (Status.COMMITTED, FREE, 4)
    assert waiting.reason == "ServiceUnavailable: gone"
    assert desk.store.calls == ["update"]


@pytest.mark.parametrize("number", [0, 2])
def test_sender_with_another_number_of_results_has_sent_nothing(number: int) -> None:
    results = [SENT] * number

    result = relayed_with(results)

    assert (result.outcome, result.item.reason) == (Relayed.LATER, "the outbox cannot be sent: ValueError")


def relayed_with(results: list[SendResult]) -> RelayResult:
    item = replace(ITEM, outbox=encode(OUTBOX[:1]))
    (result,) = Desk(Sender(*results), item).relay.relay([(item, "")])
    return result


def test_outbox_that_cannot_be_read_is_refused_and_the_others_are_sent() -> None:
    odd = replace(ITEM, id="orders#2", outbox="[7]")
    desk = Desk(Sender(SENT, SENT, SENT), ITEM, odd)

    results = desk.relay.relay([(odd, ""), (ITEM, "")])

    assert [result.outcome for result in results] == [Relayed.NEVER, Relayed.SENT]
    assert results[0].item.reason.endswith("the last with the outbox of the item cannot be read: TypeError")


def test_item_whose_messages_are_given_up_is_not_written_before_its_dead_letter_is_sent() -> None:
    desk = Desk(Sender(REFUSED, SENT, SENT), ITEM)

    desk.relay.relay([(ITEM, "")])

    assert (desk.store.calls, desk.store.items) == ([], {"orders#1": ITEM})


def test_messages_that_another_worker_has_sent_are_sent() -> None:
    done = replace(ITEM, status=Status.COMPLETED)

    (result,) = Desk(Sender(SENT, SENT, SENT), done).relay.relay([(ITEM, "")])

    assert result.outcome is Relayed.SENT


@pytest.mark.parametrize(
    ("now", "sends"),
    [
        (replace(ITEM, status=Status.COMPLETED), [SENT, SENT, GONE]),
        (replace(ITEM, status=Status.INPROGRESS), [SENT, SENT, SENT]),
        (replace(ITEM, fence=9), [SENT, SENT, GONE]),
    ],
    ids=["completed by another, and failed here", "claimed anew", "committed anew, and failed here"],
)
def test_outcome_that_is_refused_is_unknown_and_no_failed_call(now: Item, sends: list[SendResult]) -> None:
    desk = Desk(Sender(*sends), now)

    (result,) = desk.relay.relay([(ITEM, "")])
    desk.metrics.flush()

    assert (result.outcome, desk.store.items["orders#1"]) == (Relayed.UNKNOWN, now)
    assert "CallsFailed" not in desk.stream.getvalue()


def test_outcome_without_an_answer_is_unknown_and_a_failed_call() -> None:
    desk = Desk(Sender(SENT, SENT, SENT), ITEM)
    desk.store.plan("update", "denied")

    (result,) = desk.relay.relay([(ITEM, "")])
    desk.metrics.flush()

    assert result.outcome is Relayed.UNKNOWN
    assert '"CallsFailed":1' in desk.stream.getvalue()
    assert '"ConfigurationFaults":1' in desk.stream.getvalue()
    assert '"MessagesSent":3' in desk.stream.getvalue()
