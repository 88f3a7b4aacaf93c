"""Batches: which records are one message, in which lanes they run, what goes back, and what still fits."""

from typing import Any

import pytest

from tests.tsunagu.runtime.world import order, parse_order, record
from tsunagu.runtime.idempotency.decision import ClaimRequest
from tsunagu.runtime.idempotency.keys import item_id, payload_hash
from tsunagu.runtime.receiving.batch import (
    ANSWER_SHARE,
    GUESSED_SHARE,
    MEASURED_RECORDS,
    REMEMBERED_RECORDS,
    Batch,
    BatchMessage,
    Intake,
    Pace,
    arranged,
)
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.testing.fakes import START_MS, FakeClock

TIMEOUT_SECONDS = 100
GUESS_MS = int(TIMEOUT_SECONDS * 1_000 * GUESSED_SHARE)
ANSWER_MS = int(TIMEOUT_SECONDS * 1_000 * ANSWER_SHARE)


def batch_of(*records: dict[str, Any]) -> Batch[Any]:
    intake = Intake("orders", parse_order, lambda body: str(body["order_id"]))
    return intake.arrange([Delivery.from_record(each) for each in records])


def ids(batch: Batch[Any]) -> list[list[str]]:
    """Return the message ids of each lane."""
    return [[entry.delivery.message_id for entry in lane] for lane in batch.lanes]


def test_message_of_two_records_is_claimed_for_both() -> None:
    batch = batch_of(record(order("o-1"), "m-1", attributes={"tsunagu_request_id": "r-1"}), record(order("o-1"), "m-2"))

    (message,) = batch.messages
    request = message.claim_request
    assert message.message_ids == request.message_ids == ("m-1", "m-2")
    assert (request.item_id, request.payload_hash) == (item_id("orders", "o-1"), payload_hash(order("o-1")))
    assert request.request_id == "r-1"
    assert (message.payload, message.problem) == (order("o-1"), None)
    assert ids(batch) == [["m-1"], ["m-2"]]


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_message_of_two_records_reopens_a_dead_item_if_one_of_them_does(
    first: bool, second: bool, together: bool
) -> None:
    reopening = iter([first, second])

    def read(delivery: Delivery) -> BatchMessage[None]:
        message_ids = (delivery.message_id,)
        request = ClaimRequest(
            item_id="i", payload_hash="p", request_id="r", message_ids=message_ids, reopens=next(reopening)
        )
        return BatchMessage(deliveries=[delivery], claim_request=request)

    deliveries = [Delivery.from_record(record(order("o-1"), name)) for name in ("m-1", "m-2")]

    (message,) = arranged(deliveries, read).messages
    assert (message.claim_request.reopens, message.claim_request.message_ids) == (together, ("m-1", "m-2"))


def test_message_that_cannot_be_read_is_claimed_by_its_message_id() -> None:
    (message,) = batch_of(record("no json", "m-1")).messages

    request = message.claim_request
    assert (request.item_id, request.payload_hash, request.message_ids) == ("orders#message-id:m-1", "", ("m-1",))
    assert (message.payload, type(message.problem).__name__) == (None, "InvalidMessageError")


def test_records_of_a_group_are_a_lane_and_others_are_lanes_of_their_own() -> None:
    records = [("m-1", "a"), ("m-2", "b"), ("m-3", None), ("m-4", "a"), ("m-5", None)]
    batch = batch_of(*(record(order(name), name, group=group) for name, group in records))

    assert ids(batch) == [["m-1", "m-4"], ["m-2"], ["m-3"], ["m-5"]]


def test_group_that_is_called_as_a_record_is_is_another_lane() -> None:
    batch = batch_of(record(order("o-1"), "m-1"), record(order("o-2"), "m-2", group="m-1"))

    assert ids(batch) == [["m-1"], ["m-2"]]


def test_all_records_are_confirmed_or_only_some() -> None:
    batch = batch_of(*(record(order("o-1"), name) for name in ("m-1", "m-2", "m-3")))
    (message,) = batch.messages

    message.confirm(["m-2"])
    assert [entry.delivery.message_id for entry in batch.unconfirmed()] == ["m-1", "m-3"]

    message.confirm()
    assert batch.response() == {"batchItemFailures": []}


def test_nothing_is_confirmed_by_an_empty_list() -> None:
    (message,) = batch_of(record(order("o-1"))).messages

    message.confirm([])

    assert message.confirmed == set()


def test_records_of_a_group_behind_an_unconfirmed_one_go_back() -> None:
    batch = batch_of(*(record(order(name), name, group="g") for name in ("a", "b", "c")))
    batch.messages[0].confirm()
    batch.messages[2].confirm()

    assert batch.response() == {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}


def test_delay_is_that_of_the_first_record_that_goes_back_in_whole_seconds() -> None:
    batch = batch_of(*(record(order(name), name, group="g") for name in ("a", "b", "c")), record(order("d"), "d"))
    messages: dict[str, BatchMessage[Any]] = {message.message_ids[0]: message for message in batch.messages}
    messages["a"].confirm()
    messages["a"].delay_seconds, messages["b"].delay_seconds, messages["c"].delay_seconds = 1, 2.1, 9

    assert batch.visibility() == [("handle-b", 3), ("handle-c", 3)]

    messages["d"].delay_seconds = 0.0
    assert batch.visibility() == [("handle-b", 3), ("handle-c", 3), ("handle-d", 0)]


def test_only_a_deferred_message_without_a_delay_gets_one_by_its_deliveries() -> None:
    often = {**record(order("o-1"), "m-2"), "attributes": {"ApproximateReceiveCount": "101"}}
    batch = batch_of(record(order("o-1"), "m-1"), often, record(order("o-2"), "m-3"))
    message, other = batch.messages

    batch.defer(TIMEOUT_SECONDS)
    assert (message.delay_seconds, other.delay_seconds) == (None, None)

    message.is_deferred = other.is_deferred = True
    batch.defer(TIMEOUT_SECONDS * 3)
    assert (message.delay_seconds, other.delay_seconds) == (1_800, None)

    message.delay_seconds = 5
    batch.defer(TIMEOUT_SECONDS)
    assert message.delay_seconds == 5


class Stopwatch:
    """A pace, and a clock that moves while a message runs."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pace = Pace(self.clock, TIMEOUT_SECONDS)

    def run(self, milliseconds: int, times: int = 1) -> None:
        for _ in range(times):
            started_ms = self.clock.now_ms()
            self.clock.ms += milliseconds
            self.pace.measured(started_ms)
        self.clock.ms = START_MS

    def needs(self, milliseconds: int, *, is_first: bool = False) -> bool:
        """Return whether exactly this time is needed before the deadline."""
        enough = self.pace.allows_another(START_MS + milliseconds, is_first=is_first)
        return enough and not self.pace.allows_another(START_MS + milliseconds - 1, is_first=is_first)


def test_guess_and_answer_must_fit_until_enough_was_measured() -> None:
    watch = Stopwatch()
    watch.run(1, MEASURED_RECORDS - 1)
    assert watch.needs(GUESS_MS + ANSWER_MS)

    watch.run(2)
    assert watch.needs(2 + ANSWER_MS)


def test_longest_measured_time_must_fit_and_for_the_first_message_no_more_than_the_guess() -> None:
    watch = Stopwatch()
    watch.run(1, MEASURED_RECORDS)
    watch.run(GUESS_MS + 1_000)
    watch.run(3)

    assert watch.needs(GUESS_MS + 1_000 + ANSWER_MS)
    assert watch.needs(GUESS_MS + ANSWER_MS, is_first=True)


def test_first_message_needs_no_more_than_was_measured() -> None:
    watch = Stopwatch()
    watch.run(5, MEASURED_RECORDS)

    assert watch.needs(5 + ANSWER_MS, is_first=True)


def test_newest_times_are_remembered() -> None:
    watch = Stopwatch()
    watch.run(9_000)
    watch.run(4, REMEMBERED_RECORDS - 1)
    assert watch.needs(9_000 + ANSWER_MS)

    watch.run(4)
    assert watch.needs(4 + ANSWER_MS)
