"""Sending in batches: cuts by number and size, sends failed entries again, keeps groups in order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH, SQS_MESSAGE_BYTES
from tsunagu.runtime.sending.publish import Attribute, EntryFailure, OutgoingMessage, SendResult, send_in_batches
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


def test_size_counts_names_types_and_values_of_attributes() -> None:
    message = OutgoingMessage(body="é", attributes={"n": "v", "b": Attribute("Binary", b"123")})

    assert message.size_bytes == 2 + len("n" + "String" + "v") + len("b" + "Binary") + 3
