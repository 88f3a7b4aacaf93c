"""A dead-letter queue and its source queue in memory, and an operator who may be killed before and after each call."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.redrive import redriven_message
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.queues import Queue, Stored
from tsunagu.testing.fakes import FakeClock, Killed

HIDDEN_SECONDS = 60

AnswerT = TypeVar("AnswerT")


@dataclass
class Operator:
    """Makes calls, and is killed at one of them: 2n is before the n-th call, 2n + 1 is after it."""

    killed_at: int | None = None
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, apply: Callable[[], AnswerT]) -> AnswerT:
        number = len(self.calls)
        self.calls.append(name)
        if self.killed_at == 2 * number:
            raise Killed
        answer = apply()
        if self.killed_at == 2 * number + 1:
            raise Killed
        return answer


class Letters:
    """Dead letters in a model of SQS, and the queue that they came from."""

    def __init__(self, bodies: Iterable[str], groups: Sequence[str | None] = (None,)) -> None:
        self.clock = FakeClock()
        self.dead = Queue("dead", self.clock.now_ms, visibility_seconds=HIDDEN_SECONDS)
        self.back = Queue("back", self.clock.now_ms, visibility_seconds=HIDDEN_SECONDS)
        self.bodies = [*bodies]
        self.groups = {body: groups[number % len(groups)] for number, body in enumerate(self.bodies)}
        for body in self.bodies:
            self.dead.put(OutgoingMessage(body=body, group_id=self.groups[body]))
        self.clock.ms += 1_000

    def source(self, operator: Operator) -> "LettersPort":
        return LettersPort(self, operator)

    def target(self, operator: Operator) -> "BackPort":
        return BackPort(self, operator)

    @property
    def left(self) -> list[str]:
        """Bodies in the dead-letter queue."""
        return [letter.body for letter in self.dead.waiting]

    def processed(self) -> list[str]:
        """Bodies of the source queue in their order, each once: the receiver skips duplicates."""
        return [*dict.fromkeys(message.body for message in self.back.waiting)]


class LettersPort:
    """The dead-letter queue, as an operator reads it."""

    def __init__(self, letters: Letters, operator: Operator) -> None:
        self._queue = letters.dead
        self._operator = operator

    def receive(self) -> list[DeadLetter]:
        return self._operator.call("receive", lambda: [as_letter(each) for each in self._queue.receive(10)])

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        def apply() -> list[str]:
            for letter in letters:
                self._queue.delete(letter.id)
            return []

        return self._operator.call("delete", apply) if letters else []

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        def apply() -> None:
            for letter in letters:
                self._queue.change(letter.delivery.receipt_handle, 0)

        if letters:
            self._operator.call("give back", apply)


class BackPort:
    """The source queue, as an operator sends to it."""

    def __init__(self, letters: Letters, operator: Operator) -> None:
        self._queue = letters.back
        self._operator = operator
        self.in_flight: list[list[str | None]] = []

    def send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        self.in_flight.append([letter.delivery.ordered_group_id for letter in letters])

        def apply() -> list[SendResult]:
            stored = [self._queue.put(redriven_message(letter)) for letter in letters]
            return [SendResult(each.id if each is not None else "the first one") for each in stored]

        return self._operator.call("send", apply)


def as_letter(stored: Stored) -> DeadLetter:
    return DeadLetter(Delivery.from_record(stored.record()), stored.sent_ms)
