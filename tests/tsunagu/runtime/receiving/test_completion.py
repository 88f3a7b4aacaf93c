"""Completions: what ends the collecting, and the sentences on what comes too late or cannot be kept."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.tsunagu.runtime.world import completion_parts, order, record
from tsunagu.contracts.items import OUTBOX_AND_RESULT_BYTES, Status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.receiving.completion import Completion
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox, encode
from tsunagu.testing.fakes import START_MS

ITEM = Item(id="orders#1", status=Status.INPROGRESS, owner="me", fence=3, lease=START_MS + 5_000, attempts=1)
TOPIC_ARN = "arn:aws:sns:eu-central-1:111122223333:done"
DELIVERY = Delivery.from_record(record(order("o-1"), attributes={"tsunagu_hop_count": "2"}))


def completion() -> Completion:
    return Completion(*completion_parts(DELIVERY, ITEM))


def test_message_shows_its_delivery_and_its_attempt() -> None:
    message = Message(DELIVERY, completion())

    assert (message.delivery, message.fencing_token, message.attempt, message.result) == (DELIVERY, 3, 2, "")
    assert message.request_id == "m-1"


def test_outbox_carries_request_trace_and_hops_of_the_message() -> None:
    traced = record(order("o-1"), attributes={"tsunagu_hop_count": "2", "tsunagu_request_id": "r-1"})
    traced["attributes"]["AWSTraceHeader"] = "Root=1-2-3"
    collecting = Completion(*completion_parts(Delivery.from_record(traced), ITEM))
    collecting.outbox.publish(TOPIC_ARN, "x")

    ((message,), _) = collecting.collected()
    assert message.attributes == {"tsunagu_request_id": "r-1", "tsunagu_hop_count": "2"}
    assert message.trace_header == "Root=1-2-3"


def test_message_without_hops_sends_none() -> None:
    collecting = Completion(*completion_parts(Delivery.from_record(record(order("o-1"))), ITEM))
    collecting.outbox.publish(TOPIC_ARN, "x")

    assert "tsunagu_hop_count" not in collecting.collected()[0][0].attributes


def test_threads_that_use_the_outbox_first_at_the_same_time_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    collecting, together = completion(), threading.Barrier(2)
    make = Completion._new_outbox  # noqa: SLF001 - where a second thread can come in

    def make_slowly(self: Completion) -> Outbox:
        with suppress(threading.BrokenBarrierError):
            together.wait(0.1)  # as an import may last; passed only if both threads make one
        return make(self)

    monkeypatch.setattr(Completion, "_new_outbox", make_slowly)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda body: collecting.outbox.publish(TOPIC_ARN, body), ["a", "b"]))

    assert sorted(message.body for message in collecting.collected()[0]) == ["a", "b"]


def test_outbox_that_is_first_used_after_the_end_refuses_messages() -> None:
    ended = completion()
    ended.collected()

    with pytest.raises(RuntimeError, match=r"^a message for the outbox must be given before the message is completed"):
        ended.outbox.publish(TOPIC_ARN, "x")
    with pytest.raises(RuntimeError):
        ended.finish()


def test_transaction_after_the_end_is_refused_in_words() -> None:
    ended = completion()
    ended.collected()

    with pytest.raises(RuntimeError, match=r"^a transaction must be given before the message is completed, got it aft"):
        ended.open_transaction()


def test_second_transaction_is_refused_in_words() -> None:
    collecting = completion()
    collecting.open_transaction()

    sentence = "^a message has one transaction, because its commit completes it, got a second call$"
    with pytest.raises(RuntimeError, match=sentence):
        collecting.open_transaction()


@pytest.mark.parametrize("is_entered", [True, False])
def test_transaction_without_an_end_is_refused_in_words(is_entered: bool) -> None:
    collecting = completion()
    transaction = collecting.open_transaction()
    if is_entered:
        transaction.__enter__()

    how = "entered and never left" if is_entered else "never entered"
    with pytest.raises(RuntimeError, match=f"^a transaction must be used in a with block, got one that was {how}$"):
        collecting.finish()


def test_result_must_be_text_and_there_if_it_is_sent() -> None:
    of_bytes, missing = completion(), completion()
    of_bytes.result = b"bytes"  # type: ignore[assignment]
    missing.outbox.publish(TOPIC_ARN, None)

    with pytest.raises(TypeError, match=r"^the result of a message must be text, got bytes$"):
        of_bytes.finish()
    with pytest.raises(ValueError, match=r"^the result of a message must be set where the outbox sends it, got none$"):
        missing.finish()


@pytest.mark.parametrize("sends", [True, False])
def test_outbox_and_result_may_have_the_largest_size_together(sends: bool) -> None:
    def collect(more: int) -> Completion:
        collecting = completion()
        if sends:
            collecting.outbox.publish(TOPIC_ARN, "é" * 1_000)
        room = OUTBOX_AND_RESULT_BYTES - len(encode(collecting.outbox._messages)) + more  # noqa: SLF001
        collecting.result = "é" + "x" * (room - 2)
        return collecting

    collect(0).finish()
    with pytest.raises(ValueError, match=r"^outbox and result must have at most 380,000 bytes together, got 380,001$"):
        collect(1).finish()
