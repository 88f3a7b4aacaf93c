"""Each dead letter is sent back once, oldest first, and none is lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.tsunagu.runtime.world import record
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.redrive import QueueTarget, redrive
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.fakes import START_MS, FakeClock, FakeQueue


@dataclass
class FakeDeadLetterQueue:
    letters: list[DeadLetter] = field(default_factory=list)
    hidden: list[DeadLetter] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def receive(self) -> list[DeadLetter]:
        taken, self.letters = self.letters[:10], self.letters[10:]
        self.hidden += taken
        return taken

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        self.calls.append("delete")
        self.hidden = [letter for letter in self.hidden if letter not in letters]
        return []

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        self.hidden = [letter for letter in self.hidden if letter not in letters]
        self.letters += letters


def letter(number: int, *, sent_ms: int = START_MS - 1, group: str | None = None) -> DeadLetter:
    attributes = {
        "tsunagu_dead_letter_reason": "r",
        "tsunagu_dead_letter_source": "s",
        "tsunagu_request_id": f"r-{number}",
    }
    raw = record(f"body-{number}", f"d-{number}", group=group, attributes=attributes)
    return DeadLetter(Delivery.from_record(raw), sent_ms)


def test_all_letters_go_back_in_order_without_the_attributes_of_a_dead_letter() -> None:
    source, target = FakeDeadLetterQueue([letter(n) for n in range(25)]), FakeQueue()

    report = redrive(source, QueueTarget(target), FakeClock())

    assert (report.moved, report.problems) == (25, [])
    assert [message.body for message in target.sent] == [f"body-{n}" for n in range(25)]
    assert set(target.sent[0].attributes) == {"tsunagu_request_id", "tsunagu_redriven"}
    assert (source.letters, source.hidden) == ([], [])


def test_letter_goes_back_in_the_trace_of_its_message() -> None:
    target = FakeQueue()
    raw = record("b", attributes={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    raw["attributes"]["AWSTraceHeader"] = "Root=1-2-3"

    redrive(
        FakeDeadLetterQueue([DeadLetter(Delivery.from_record(raw), START_MS - 1)]), QueueTarget(target), FakeClock()
    )

    (sent,) = target.sent
    assert sent.trace_header == "Root=1-2-3"
    assert set(sent.attributes) == {"traceparent", "tsunagu_redriven"}


def test_fifo_letter_goes_back_into_its_group_under_an_id_of_its_own() -> None:
    target = FakeQueue()

    redrive(FakeDeadLetterQueue([letter(1, group="g")]), QueueTarget(target), FakeClock())

    (sent,) = target.sent
    assert (sent.group_id, sent.deduplication_id) == ("g", "redrive-d-1")


def test_letter_of_a_fair_queue_goes_back_with_its_group_and_without_a_deduplication_id() -> None:
    target = FakeQueue()
    fair = DeadLetter(Delivery.from_record(record("b", tenant="a")), START_MS - 1)

    redrive(FakeDeadLetterQueue([fair]), QueueTarget(target), FakeClock())

    (sent,) = target.sent
    assert (sent.group_id, sent.deduplication_id) == ("a", None)


QUEUE = "arn:aws:sqs:eu-central-1:111122223333:orders"


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"dead_letter_source": f"{QUEUE}/m", "dead_letter_reason": "r", "a": "b"}, {"a"}),
        ({"dead_letter_source": "warehouse 7", "dead_letter_reason": "mine"}, None),
        ({"dead_letter_reason": "mine"}, None),
        ({"dead_letter_source": f"{QUEUE}/m", "tsunagu_dead_letter_source": f"{QUEUE}/m"}, {"dead_letter_source"}),
    ],
    ids=["of an earlier release", "of a producer", "moved by SQS", "of this release"],
)
def test_old_names_are_removed_from_letters_of_an_earlier_release_only(
    attributes: dict[str, str], kept: set[str] | None
) -> None:
    target = FakeQueue()
    old = DeadLetter(Delivery.from_record(record("b", attributes=attributes)), START_MS - 1)

    redrive(FakeDeadLetterQueue([old]), QueueTarget(target), FakeClock())

    assert set(target.sent[0].attributes) == {*(attributes if kept is None else kept), "tsunagu_redriven"}


@pytest.mark.parametrize(("spare", "is_marked"), [(0, False), (1, True)])
def test_letter_without_room_goes_back_without_saying_that_it_was_redriven(spare: int, is_marked: bool) -> None:
    target = FakeQueue()
    attributes = {f"a-{number}": "v" for number in range(10 - spare)}

    redrive(
        FakeDeadLetterQueue([DeadLetter(Delivery.from_record(record("b", attributes=attributes)), START_MS - 1)]),
        QueueTarget(target),
        FakeClock(),
    )

    assert attributes.keys() <= target.sent[0].attributes.keys()
    assert ("tsunagu_redriven" in target.sent[0].attributes) == is_marked


def test_reason_and_source_of_a_letter_of_an_earlier_release_are_read() -> None:
    attributes = {"dead_letter_source": f"{QUEUE}/m", "dead_letter_reason": "r"}
    old = DeadLetter(Delivery.from_record(record("b", attributes=attributes)), START_MS - 1)

    assert (old.reason, old.source) == ("r", f"{QUEUE}/m")


def test_limit_is_kept_and_the_rest_is_shown_again() -> None:
    source = FakeDeadLetterQueue([letter(n) for n in range(25)])

    report = redrive(source, QueueTarget(FakeQueue()), FakeClock(), limit_count=12)

    assert (report.moved, len(source.letters), source.hidden) == (12, 13, [])


def test_letters_that_arrive_meanwhile_stay() -> None:
    source, target = FakeDeadLetterQueue([letter(1), letter(2, sent_ms=START_MS + 1)]), FakeQueue()

    report = redrive(source, QueueTarget(target), FakeClock())

    assert (report.moved, [message.body for message in target.sent], len(source.letters)) == (1, ["body-1"], 1)


def test_first_failure_stops_and_keeps_the_letter() -> None:
    source, target = FakeDeadLetterQueue([letter(n) for n in range(25)]), FakeQueue(broken=True)

    report = redrive(source, QueueTarget(target), FakeClock())

    assert (report.moved, len(report.problems), len(source.letters)) == (0, 10, 25)


def test_letter_that_was_sent_back_and_stays_too_is_a_problem() -> None:
    class Sticky(FakeDeadLetterQueue):
        def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
            return [f"{letter.delivery.message_id}: not deleted" for letter in letters]

    report = redrive(Sticky([letter(1)]), QueueTarget(FakeQueue()), FakeClock())

    assert (report.moved, report.problems) == (1, ["d-1: not deleted, but sent back"])


def test_letter_is_deleted_only_after_it_was_sent() -> None:
    source = FakeDeadLetterQueue([letter(1)])

    class Target(FakeQueue):
        def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
            source.calls.append("send")
            return super().send(messages)

    redrive(source, QueueTarget(Target()), FakeClock())

    assert source.calls == ["send", "delete"]


def test_rate_is_kept() -> None:
    clock = FakeClock()

    redrive(FakeDeadLetterQueue([letter(n) for n in range(20)]), QueueTarget(FakeQueue()), clock, rate_per_second=5)

    assert clock.ms - START_MS == 4_000


@pytest.mark.parametrize(("rate", "limit", "expected"), [(0, None, "rate"), (501, None, "rate"), (1, 0, "limit")])
def test_numbers_out_of_range_are_refused(rate: float, limit: int | None, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{expected}_.* must be .*, got"):
        redrive(FakeDeadLetterQueue(), QueueTarget(FakeQueue()), FakeClock(), rate_per_second=rate, limit_count=limit)
