"""`assert_once`: runs a handler through every interleaving of two workers, and compares what they did."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import Choices, Explored, Violation
from tsunagu.testing.handlers.inputs import Input
from tsunagu.testing.handlers.outcome import Happened, Outcome, differences, expected
from tsunagu.testing.handlers.stage import Effect, HandlerStage
from tsunagu.testing.handlers.story import sentences

MakeStage = Callable[[Choices, Bounds], HandlerStage]
OnStage = Callable[[HandlerStage], AbstractContextManager[dict[str, list[Any]]]]

# What may go wrong, the simplest first, so that the schedule that is shown is a simple one.
CALM = Bounds()


def troubles(*, crashes: int, lost: int, switches: int) -> list[Bounds]:
    """Return what is explored, the simplest first."""
    alone = [Bounds(crashes=crashes)] * (crashes > 0) + [Bounds(lost=lost)] * (lost > 0) + [Bounds(redeliveries=1)]
    together = [replace(each, switches=switches) for each in alone] if switches else []
    return [CALM, *alone, *together]


class NotOnceError(AssertionError):
    """A schedule in which something happened more or less often than it must.

    Attributes:
        schedule: Name of the schedule, which `assert_once(..., schedule=...)` takes.
    """

    schedule = ""


@dataclass(frozen=True, slots=True)
class _Message:
    """A message of the scenario.

    Attributes:
        sent: What is sent.
        is_copy: Whether it asks for work that another message asked for.
    """

    sent: Input
    is_copy: bool = False


class Once:
    """Explores one handler with some messages.

    Args:
        payloads: Texts of messages that ask for different work.
        copies: Texts of messages that ask for the same work as one of these.
        make_stage: Makes a stage.
        on_stage: Makes effects of the handler's own code those of a stage, and gives the lists that the test watches.
        troubles: What may go wrong, the simplest first.
    """

    def __init__(
        self,
        payloads: Sequence[str],
        copies: Sequence[str],
        *,
        make_stage: MakeStage,
        on_stage: OnStage,
        troubles: Sequence[Bounds],
    ) -> None:
        texts = [*payloads, *copies]
        self._make_stage, self._on_stage, self._troubles = make_stage, on_stage, troubles
        self._messages = [
            _Message(Input(number=number, text=text), is_copy=number > len(payloads))
            for number, text in enumerate(texts, start=1)
        ]
        self._alone = [self._twice_alone(message.sent) for message in self._messages]
        originals = zip(self._messages, self._alone, strict=True)
        self._wanted = expected(pair for message, pair in originals if not message.is_copy)

    def explore(self, *, limit: int | None) -> Explored:
        """Run every schedule, or the first ones of each kind of trouble up to a limit.

        Raises:
            NotOnceError: Something happened more or less often than it must.
        """
        total = Explored(is_complete=True)
        for number, bounds in enumerate(self._troubles):
            explored = Explored()
            for choices in _schedules(explored, limit):
                self._run(number, bounds, choices)
            total.schedules += explored.schedules
            total.deepest = max(total.deepest, explored.deepest)
            total.is_complete &= explored.is_complete
        return total

    def replay(self, schedule: str) -> Explored:
        """Run one schedule by its name.

        Raises:
            NotOnceError: Something happened more or less often than it must.
            ValueError: It is no name of a schedule.
        """
        number, _, prefix = schedule.partition("/")
        if not number.isdecimal() or int(number) >= len(self._troubles):
            msg = f"schedule must be what a report names, such as '1/0.0.2', got {schedule!r}"
            raise ValueError(msg)
        self._run(int(number), self._troubles[int(number)], Choices([int(each) for each in prefix.split(".") if each]))
        return Explored(schedules=1)

    def _run(self, number: int, bounds: Bounds, choices: Choices) -> None:
        problems, effects = self._problems(bounds, choices)
        if problems:
            name = f"{number}/{'.'.join(map(str, choices.schedule))}"
            error = NotOnceError(self._report(problems, choices, effects, name))
            error.schedule = name
            raise error

    def _problems(self, bounds: Bounds, choices: Choices) -> tuple[list[str], list[Effect]]:
        stage = self._make_stage(choices, bounds)
        stage.batch_size = (len(self._messages) + 1) // 2  # so that each of two workers has something to do
        with self._on_stage(stage) as watched:
            for message in self._messages:
                message.sent.put(stage)
            try:
                stage.run_until_quiet()
            except Violation as violation:
                return [str(violation)], stage.effects
            outcome = Outcome.of(stage, watched)
        return [*self._effect_problems(outcome), *self._letter_problems(outcome)], stage.effects

    def _effect_problems(self, outcome: Outcome) -> list[str]:
        return [_told(*difference) for difference in differences(self._wanted, outcome.happened)]

    def _letter_problems(self, outcome: Outcome) -> list[str]:
        """Return what is wrong with the dead letters: a message that works alone must not be one."""
        problems = []
        for message, (alone, _) in zip(self._messages, self._alone, strict=True):
            name = message.sent.message_id
            if name in outcome.dead and not alone.dead and not message.is_copy:
                problems.append(f"{name} must be processed, got a dead letter: {outcome.dead[name]}")
            if alone.dead and not message.is_copy and name not in outcome.dead:
                problems.append(f"{name} must be dead-lettered, as it is alone, got it acknowledged")
        return problems

    def _twice_alone(self, sent: Input) -> tuple[Outcome, Outcome]:
        return self._run_alone(sent, 0), self._run_alone(sent, 86_400_000)

    def _run_alone(self, sent: Input, later_ms: int) -> Outcome:
        stage = self._make_stage(Choices(), CALM)
        stage.ms += later_ms
        with self._on_stage(stage) as watched:
            sent.put(stage)
            stage.run_until_quiet()
            return Outcome.of(stage, watched)

    # --- the report ----------------------------------------------------------------------------

    def _report(self, problems: Sequence[str], choices: Choices, effects: Sequence[Effect], name: str) -> str:
        payloads = {message.sent.message_id: _shown(message) for message in self._messages}
        steps = [f"{n:3}. {text}" for n, text in enumerate(sentences(choices.trace, payloads), start=1)]
        return "\n".join(
            [
                *problems,
                "",
                "This is how it came about:",
                *steps,
                "",
                *(f"What helps: {hint}" for hint in self._hints(problems, effects)),
                f"To run this schedule alone: assert_once(..., schedule={name!r})",
            ]
        )

    def _hints(self, problems: Sequence[str], effects: Sequence[Effect]) -> Iterator[str]:
        if hint := self._key_hint():
            yield hint
            return
        own = {effect.name for effect in effects if effect.key is None}
        is_double = [problem for problem in problems if ", got it " in problem]
        if any(problem.startswith(name) for problem in is_double for name in own):
            yield (
                "an effect outside of DynamoDB is repeated when a worker is killed after it, or its answer is lost. "
                "Give the other system an idempotency key that is the same for each attempt "
                "(world.effect(..., idempotency_key=...)); or let message.outbox send a message, whose receiver "
                "does it."
            )
        if any("got it never" in problem for problem in problems):
            yield (
                "the handler returned although its work was not done, so the message was acknowledged. Let the error "
                "out, or raise RetryableError: the message then comes again."
            )

    def _key_hint(self) -> str:
        """Return what is wrong with the keys, if something is."""
        for message, (one, again) in zip(self._messages, self._alone, strict=True):
            if one.keys != again.keys:
                return (
                    f"the key of {message.sent.message_id} is another one each time. Choose a key of the message "
                    "itself, which stays the same when it is delivered again."
                )
        keys = [(message, one.keys) for message, (one, _) in zip(self._messages, self._alone, strict=True)]
        for number, (message, own) in enumerate(keys):
            for other, others in keys[:number]:
                if own & others and not message.is_copy and other.sent.text != message.sent.text:
                    return (
                        f"{other.sent.message_id} and {message.sent.message_id} ask for different work and have the "
                        "same key. Choose a key that is another one for each request."
                    )
                if message.is_copy and not own & others and self._is_copy_of(message, other):
                    return (
                        f"{message.sent.message_id} asks for the same work as {other.sent.message_id}, and has "
                        "another key. Choose a key that stays the same when the producer sends a message again."
                    )
        return ""

    def _is_copy_of(self, copy: _Message, other: _Message) -> bool:
        pairs = zip(self._messages, self._alone, strict=True)
        happened = {message.sent.number: list(one.happened) for message, (one, _) in pairs}
        return happened[copy.sent.number] == happened[other.sent.number]


def _schedules(explored: Explored, limit: int | None) -> Iterator[Choices]:
    prefix: list[int] | None = []
    while prefix is not None and (limit is None or explored.schedules < limit):
        choices = Choices(prefix)
        explored.schedules += 1
        yield choices
        explored.deepest = max(explored.deepest, len(choices.taken))
        prefix = choices.next_prefix()
    explored.is_complete = prefix is None


def _told(each: Happened, must: int, did: int) -> str:
    return f"{each} must happen {_times(must)}, got it {_times(did)}"


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _shown(message: _Message) -> str:
    text = message.sent.text
    text = text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 - enough to recognise it
    return f"{text}{' (a copy)' if message.is_copy else ''}"
