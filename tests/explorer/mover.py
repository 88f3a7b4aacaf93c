"""The mover: an operator who redrives dead letters by the real code, and tries again after an interruption."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.redrive import QueueTarget, RedriveReport, redrive
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.ports import GONE, last
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.sandbox import SandboxClock
from tsunagu.testing.explorer.schedule import Violation
from tsunagu.testing.explorer.stage import Actor

if TYPE_CHECKING:
    from tests.explorer.parked.plant import ParkedPlant
    from tests.explorer.plant import Plant
    from tests.explorer.requests.plant import RequestPlant

LETTERS_PER_RECEIVE = 10


class Mover(Actor):
    """Redrives the letters that are in the dead-letter queue at that moment.

    Attributes:
        received: Letters that this redrive got, by their ids.
        was_disturbed: A fault hid letters from it, or kept them, without an error.
    """

    plant: "Plant | RequestPlant | ParkedPlant"

    def __init__(self, plant: "Plant | RequestPlant | ParkedPlant") -> None:
        super().__init__("mover", plant)
        self._clock = SandboxClock(plant)
        self._wanted: list[Stored] = []
        self._started_ms = 0
        self.received: dict[str, Stored] = {}
        self.was_disturbed = False

    @property
    def has_work(self) -> bool:
        """Whether a letter that it was asked to move is still there."""
        return any(not letter.is_gone for letter in self._wanted)

    @property
    def can_work(self) -> bool:
        """Whether it would receive such a letter now."""
        return any(letter in self._wanted for letter in self.plant.dead_letter_queue.receivable())

    def ask(self) -> None:
        self._wanted = self.plant.dead_letter_queue.waiting

    def begin(self) -> None:
        self.received, self.was_disturbed, self._started_ms = {}, False, self.plant.ms
        self.start(self._move)

    def _move(self) -> None:
        try:
            report = redrive(LettersPort(self), QueueTarget(SourcePort(self)), self._clock)
        except ConnectionError:
            return  # the operator saw it, and calls again
        self._judge(report)

    def _judge(self, report: RedriveReport) -> None:
        received = [letter for letter in self.received.values() if letter.sent_ms <= self._started_ms]
        left = [letter.id for letter in received if not letter.is_gone]
        explained = [each for each in left if any(problem.startswith(f"{each}:") for problem in report.problems)]
        if left != explained and not self.was_disturbed:
            raise Violation(f"the redrive must say why letters stay, got {left} and {report.problems}")
        self.plant.say(f"mover ends: {report.moved} moved, {len(report.problems)} problems")


class LettersPort:
    """The dead-letter queue, as the mover reads it."""

    def __init__(self, mover: Mover) -> None:
        self._mover = mover
        self._queue = mover.plant.dead_letter_queue

    def receive(self) -> list[DeadLetter]:
        def apply() -> list[DeadLetter]:
            letters = self._queue.receive(LETTERS_PER_RECEIVE)
            self._mover.received |= {letter.id: letter for letter in letters}
            return [DeadLetter(Delivery.from_record(letter.record()), letter.sent_ms) for letter in letters]

        def retried() -> list[DeadLetter]:
            self._mover.was_disturbed = True  # the letters of the first answer stay hidden for a while
            return last(apply(), apply())

        failures = {"unavailable": _fail, "unanswered": lambda: _unanswered(apply), "answer lost, tried again": retried}
        return self._mover.plant.point(self._mover, "receives letters", apply, failures=failures)

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        def apply(some: Sequence[DeadLetter] = letters) -> list[str]:
            for letter in some:
                self._mover.plant.journal.letter_deleted(self._mover.received[letter.delivery.message_id])
                self._queue.delete(letter.delivery.message_id)
            return []

        problems = [f"{letter.delivery.message_id}: not deleted" for letter in letters]
        failures: dict[str, Callable[[], list[str]]] = {
            "unavailable": lambda: problems,
            "unanswered": lambda: last(apply(), problems),
            "all but the last entry": lambda: [*apply(letters[:-1]), problems[-1]],
        }
        if not letters:
            return []
        return self._mover.plant.point(self._mover, f"deletes {len(letters)} letters", apply, failures=failures)

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        def apply() -> None:
            for letter in letters:
                self._queue.change(letter.delivery.receipt_handle, 0)

        failures = {"unavailable": _fail, "unanswered": lambda: _unanswered(apply)}
        if letters:
            self._mover.plant.point(self._mover, f"gives {len(letters)} letters back", apply, failures=failures)


class SourcePort:
    """The queue that the letters came from, as the mover sends to it."""

    def __init__(self, mover: Mover) -> None:
        self._mover = mover

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        plant = self._mover.plant

        def apply(some: Sequence[OutgoingMessage] = messages) -> list[SendResult]:
            return [plant.put_back(message) for message in some]

        gone = [GONE] * len(messages)
        failures = {
            "unavailable": lambda: gone,
            "unanswered": lambda: last(apply(), gone),
            "answer lost, tried again": lambda: last(apply(), apply()),
        }
        if len(messages) > 1:
            failures["first entry only"] = lambda: apply(messages[:1]) + gone[1:]
        return plant.point(self._mover, f"sends {len(messages)} back", apply, failures=failures)


def _fail() -> NoReturn:
    msg = "SQS did not answer"
    raise ConnectionError(msg)


def _unanswered(apply: Callable[[], object]) -> NoReturn:
    apply()
    _fail()
