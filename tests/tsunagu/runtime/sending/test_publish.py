"""Sending in batches: cuts by number and size, sends failed entries again, keeps groups in order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH, SQS_MESSAGE_BYTES
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.publish import (
    EntryFailure,
    OutgoingMessage,
    SendResult,
    send_in_batches,
    with_attribute,
)
from tsunagu.testing.fakes import FakeClock


class Wire:
    """Accepts batches; refuses bodies that start with `busy` once, and those that start with `bad` always."""

    def __init__(self) -> None:
        self.batches: list[list[OutgoingMessage]] = []
        self.taken: list[str] = []
        self._busy: set[str] = set()

    def call(self, messages: Sequence[OutgoingMessage]) -> list[str | EntryFailure]:
        self.batches.append([*messages])
        return [self._take(message.body) for message in messages]

    def _take(self, body: str) -> str | EntryFailure:
        if body.startswith("bad"):
            return EntryFailure("InvalidMessageContents: bad", can_retry=False)
        if body.startswith("busy") and body not in self._busy:
            self._busy.add(body)
            return EntryFailure("InternalError: busy", can_retry=True)
        self.taken.append(body)
        return f"id-{body}"


def send(*messages: OutgoingMessage) -> tuple[Wire, list[SendResult]]:
    wire = Wire()
    return wire, send_in_batches(messages, wire.call, FakeClock())


@given(st.lists(st.tuples(st.sampled_from(["ok", "busy", "bad"]), st.integers(1, 400_000)), max_size=40))
def test_every_message_is_sent_once_or_has_its_error_within_the_limits(plan: list[tuple[str, int]]) -> None:
    bodies = [f"{kind}-{number}-".ljust(size, "x") for number, (kind, size) in enumerate(plan)]

    wire, results = send(*[OutgoingMessage(body=body) for body in bodies])

    assert sorted(wire.taken) == sorted(body for body in bodies if not body.startswith("bad"))
    assert [result.error is None for result in results] == [not body.startswith("bad") for body in bodies]
    assert all(len(batch) <= SQS_ENTRIES_PER_BATCH for batch in wire.batches)
    assert all(sum(message.size_bytes for message in batch) <= SQS_MESSAGE_BYTES for batch in wire.batches)


def test_only_failed_entries_are_sent_again() -> None:
    wire, _ = send(*[OutgoingMessage(body=body) for body in ("a", "busy", "b", "bad")])

    assert [[message.body for message in batch] for batch in wire.batches] == [["a", "busy", "b", "bad"], ["busy"]]


def test_entry_that_stays_busy_is_given_up_with_its_error() -> None:
    clock = FakeClock()

    results = send_in_batches([OutgoingMessage(body="x")], lambda _: [EntryFailure("busy", can_retry=True)], clock)

    assert results == [SendResult(None, "busy")]


def test_group_of_a_failed_entry_is_not_sent_in_later_calls() -> None:
    messages = [OutgoingMessage(body=f"b-{n}", group_id="g") for n in range(11)]
    messages[9] = OutgoingMessage(body="bad", group_id="g")

    wire, results = send(*messages, OutgoingMessage(body="other", group_id="h"))

    assert results[10] == SendResult(None, "not sent: group g failed before it")
    assert "other" in wire.taken


def test_group_of_a_failed_entry_goes_on_where_groups_are_not_in_order() -> None:
    wire = Wire()
    messages = [OutgoingMessage(body="bad" if n == 9 else f"b-{n}", group_id="a") for n in range(11)]

    results = send_in_batches(messages, wire.call, FakeClock(), in_order=False)

    assert [number for number, result in enumerate(results) if result.error is not None] == [9]


def test_group_whose_entries_were_all_sent_goes_on_in_later_calls() -> None:
    messages = [OutgoingMessage(body=f"b-{n}", group_id="g") for n in range(11)]

    wire, results = send(*messages)

    assert results == [SendResult(f"id-b-{n}") for n in range(11)]
    assert wire.taken == [message.body for message in messages]


def test_broken_group_stays_so_when_another_one_breaks_in_a_later_call() -> None:
    bodies = [("bad", "g"), *[(f"b-{n}", "h") for n in range(9)], ("bad", "h"), *[(f"c-{n}", "k") for n in range(9)]]
    messages = [OutgoingMessage(body=body, group_id=group) for body, group in bodies]

    wire, results = send(
        *messages, OutgoingMessage(body="g-2", group_id="g"), OutgoingMessage(body="h-2", group_id="h")
    )

    held_back = ["not sent: group g failed before it", "not sent: group h failed before it"]
    assert [result.error for result in results[-2:]] == held_back
    assert not {"g-2", "h-2"} & set(wire.taken)


def test_failed_call_is_known_of_its_entry_and_of_what_was_held_back_for_it() -> None:
    denied = FailedCall("sqs:SendMessage", "next", "AccessDenied", is_configuration_fault=True)
    messages = [OutgoingMessage(body=f"b-{n}", group_id="g") for n in range(11)]

    def refuse(batch: Sequence[OutgoingMessage]) -> list[str | EntryFailure]:
        return [EntryFailure("AccessDenied: no", can_retry=False, call=denied) for _ in batch]

    results = send_in_batches(messages, refuse, FakeClock())

    assert [result.call for result in results] == [denied] * 11


def test_entry_that_is_refused_for_good_is_told_apart() -> None:
    refusal = EntryFailure("InvalidMessageContents: bad", can_retry=False, is_permanent=True)

    (result,) = send_in_batches([OutgoingMessage(body="x")], lambda _: [refusal], FakeClock())

    assert result.is_permanent


@pytest.mark.parametrize("number", [1, 3])
def test_call_with_another_number_of_answers_than_entries_is_refused(number: int) -> None:
    messages = [OutgoingMessage(body="a"), OutgoingMessage(body="b")]

    with pytest.raises(ValueError, match="zip"):
        send_in_batches(messages, lambda _: ["id"] * number, FakeClock())


def test_pauses_between_rounds_double() -> None:
    clock = FakeClock()

    send_in_batches([OutgoingMessage(body="x")], lambda _: [EntryFailure("busy", can_retry=True)], clock)

    assert clock.slept_seconds == [0.2, 0.4, 0.8]


@pytest.mark.parametrize(("size_bytes", "batches"), [(50, [2, 2]), (51, [1, 1, 1, 1])])
def test_batch_is_filled_to_its_limit_and_not_above(size_bytes: int, batches: list[int]) -> None:
    wire = Wire()

    send_in_batches([OutgoingMessage(body="x" * size_bytes)] * 4, wire.call, FakeClock(), batch_bytes=100)

    assert [len(batch) for batch in wire.batches] == batches


def test_size_counts_names_types_and_values_of_attributes() -> None:
    message = OutgoingMessage(body="é", attributes={"n": "v", "b": Attribute("Binary", b"123")})

    assert message.size_bytes == 2 + len("n" + "String" + "v") + len("b" + "Binary") + 3


@pytest.mark.parametrize(("spare", "has_room"), [(0, True), (1, True), (-1, False)])
def test_attribute_is_added_where_the_message_has_room_for_it(spare: int, has_room: bool) -> None:
    size = len("n" + "String" + "value")
    message = OutgoingMessage(body="x" * (SQS_MESSAGE_BYTES - size - spare))

    assert with_attribute(message, "n", "value") == (
        replace(message, attributes={"n": "value"}) if has_room else message
    )


@pytest.mark.parametrize(("number", "has_room"), [(9, True), (10, False)])
def test_attribute_is_added_where_the_message_has_fewer_than_ten(number: int, has_room: bool) -> None:
    message = OutgoingMessage(body="x", attributes={f"a{n}": "v" for n in range(number)})

    assert ("n" in with_attribute(message, "n", "value").attributes) is has_room
