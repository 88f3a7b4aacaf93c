"""What a schedule led to, and how it differs from what each message does alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.testing.handlers.seen import DeadLetter
from tsunagu.testing.handlers.stage import HandlerStage

SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Happened:
    """One effect, so that two of them can be compared.

    Attributes:
        what: What happened, in words: "put to orders", "charged".
        to: What it was done to. Empty: it differs each time, so only their number is compared.
    """

    what: str
    to: str

    def __str__(self) -> str:
        return f"{self.what} {self.to}".strip()

    @property
    def of_any(self) -> "Happened":
        """The same effect on anything."""
        return Happened(self.what, "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is there when all is quiet.

    Attributes:
        happened: Every effect, as often as it happened.
        dead: Reasons of dead letters by message id.
        keys: Ids of the items of messages.
    """

    happened: Sequence[Happened]
    dead: Mapping[str, str]
    keys: frozenset[str]

    @classmethod
    def of(cls, stage: HandlerStage, watched: Mapping[str, Sequence[Any]]) -> "Outcome":
        """Return the outcome of a stage."""
        letters = [DeadLetter.of(letter) for letter in stage.dead_letter_queue.waiting]
        lists = [Happened(name, _short(each)) for name, effects in watched.items() for each in effects]
        return cls(
            [*_writes(stage), *_sends(stage), *_effects(stage), *lists],
            {letter.message_id: letter.reason for letter in letters},
            frozenset(stage.store.items),
        )


def expected(alone: Iterable[tuple[Outcome, Outcome]]) -> list[Happened]:
    """Return what must happen: what each message does alone. What differs between two runs of it is masked."""
    result: list[Happened] = []
    for first, second in alone:
        if len(first.happened) != len(second.happened):
            result += first.happened
            continue
        pairs = zip(first.happened, second.happened, strict=True)
        result += [one if one == other else one.of_any for one, other in pairs]
    return result


def differences(wanted: Sequence[Happened], got: Sequence[Happened]) -> list[tuple[Happened, int, int]]:
    """Return the effects that happened more or less often than they must: each with both numbers."""
    must = Counter(wanted)
    did = Counter(each if each in must else _masked(each, must) for each in got)
    return [(each, must[each], did[each]) for each in {**must, **did} if must[each] != did[each]]


def _masked(each: Happened, must: Counter[Happened]) -> Happened:
    return each.of_any if each.of_any in must else each


def _writes(stage: HandlerStage) -> list[Happened]:
    result = []
    for write in stage.store.writes:
        key = stage.store.table(write.table_name).key_of(write.target)
        result.append(Happened(f"{write.operation.lower()} to table {write.table_name}", _short(key)))
    return result


def _sends(stage: HandlerStage) -> list[Happened]:
    """Return the messages that were sent: copies with one deduplication id are one message to their receiver."""
    messages = {message.deduplication_id: message.outbox_message for message in stage.sent}
    return [Happened(f"message to {each.target}", _short(each.body)) for each in messages.values()]


def _effects(stage: HandlerStage) -> list[Happened]:
    return [Happened(effect.name, effect.id) for effect in stage.effects]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
