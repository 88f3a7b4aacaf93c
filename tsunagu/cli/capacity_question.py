"""Asks what receivers drain: of a template with given times, or of a deployed stack with those of its logs."""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsunagu.capacity.answer import Answer, answer_for
from tsunagu.capacity.quotas import ACCOUNT_CONCURRENCY
from tsunagu.capacity.reading import Intake, intakes, receivers
from tsunagu.capacity.receiver import Load, Receiver
from tsunagu.capacity.timing import Timing, timing_of
from tsunagu.errors import CommandError, InvalidInputError, NotFoundError
from tsunagu.operations.aws import Aws
from tsunagu.operations.denials import Denial
from tsunagu.operations.deployed_receivers import free_concurrency, see_receiver
from tsunagu.operations.graph.sources import deployed_documents, synthesized_documents
from tsunagu.operations.inventory import StackInventory, read_inventory
from tsunagu.operations.letters.selection import moment_ms
from tsunagu.operations.reader import Reader
from tsunagu.operations.scope import did_you_mean, find_stack_in
from tsunagu.templates.template import Template

MESSAGES, BATCH_MS = 100_000, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of the receivers of a stack.

    Attributes:
        answers: Of each receiver whose times are known.
        unmeasured: Receivers without invocations in their logs, and without a given time.
        intakes: APIs that accept requests.
        denied: What may not be read.
    """

    answers: Sequence[Answer]
    unmeasured: Sequence[Receiver] = ()
    intakes: Sequence[Intake] = ()
    denied: Sequence[Denial] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        load: The load; its times, and the three numbers below, stand where they are not None here.
        milliseconds: Time of a message by the name of a receiver; "" is that of all others.
        batch_ms: Time that an invocation takes besides. Default: as measured, else 20 ms.
        messages: Messages that wait. Default: those in the queue of a deployed stack, else 100,000.
        table_writes: Write units of the idempotency table for one message. Default: as the template has its table.
        account_concurrency: Default: as the account of a deployed stack says, else 1,000.
    """

    load: Load
    milliseconds: Mapping[str, float]
    batch_ms: float | None = None
    messages: int | None = None
    table_writes: float | None = None
    account_concurrency: int | None = None

    def of_template(self, path: Path, stack: str | None) -> Found:
        """Return what the receivers of a template, or of a folder of `cdk synth`, drain.

        Raises:
            InvalidInputError: It is no template, a receiver has no time, or a time is that of no receiver.
            NotFoundError: It has no receiver.
        """
        template = Template.link(synthesized_documents(path, stack))
        known = self._receivers(template, str(path))
        for receiver in known:
            if self._given_ms(receiver) is None:
                msg = f"--milliseconds must be given for {receiver.name}, because a template has no times, got none"
                raise InvalidInputError(msg)
        answers = [answer_for(receiver, self.load_of(receiver)) for receiver in known]
        return Found(answers=answers, intakes=[*intakes(template, self.load.region)])

    def of_stack(self, name: str, stage: str | None, since: str) -> Found:
        """Return what the receivers of a deployed stack drain, with the times of its logs where none are given.

        Raises:
            NotFoundError: There is no such stack, it has no receiver, or nothing is known of their times.
        """
        aws, now_ms = Aws(), int(time.time() * 1_000)
        since_ms = moment_ms("--since", since, now_ms)
        inventory = read_inventory(aws.cloudformation, find_stack_in(aws.cloudformation, name, stage))
        template = Template.link(deployed_documents(aws.cloudformation, inventory))
        known, reader = self._receivers(template, inventory.name), Reader(aws)
        free = self.account_concurrency or free_concurrency(reader)
        asked = dataclasses.replace(self, account_concurrency=free)
        seen = reader.map(lambda each: asked.of_receiver(reader, inventory, each, since_ms, now_ms), known)
        found = Found(
            answers=[answer for answer in seen if answer is not None],
            unmeasured=[each for each, answer in zip(known, seen, strict=True) if answer is None],
            intakes=[*intakes(template, self.load.region)],
            denied=reader.denials(),
        )
        if not found.answers:
            names = ", ".join(each.name for each in known)
            because = "".join(f"; {denial}" for denial in found.denied)
            msg = f"the logs of {names} must have invocations since {since}, got none: give --milliseconds{because}"
            raise NotFoundError(msg)
        return found

    def of_receiver(
        self, reader: Reader, inventory: StackInventory, receiver: Receiver, since_ms: int, now_ms: int
    ) -> Answer | None:
        """Return what a deployed receiver drains; None where nothing is known of its times."""
        seen = see_receiver(
            reader, inventory, function=receiver.function, queue=receiver.queue, since_ms=since_ms, now_ms=now_ms
        )
        asked = dataclasses.replace(self, messages=seen.waiting if self.messages is None else self.messages)
        if self._given_ms(receiver) is not None:
            return answer_for(receiver, asked.load_of(receiver))
        if not seen.invocations:
            return None
        parallel = 1 if receiver.fifo else self.load.parallel
        timing = timing_of([(each.messages, each.milliseconds) for each in seen.invocations], parallel)
        return answer_for(receiver, asked.load_of(receiver, timing), timing)

    def _receivers(self, template: Template, place: str) -> list[Receiver]:
        known = [*receivers(template, self.table_writes)]
        if not known:
            msg = f"{place} must have a function with a queue, got none"
            raise NotFoundError(msg)
        names = {each.name for each in known} | {each.function for each in known}
        for name in self.milliseconds:
            if name and name not in names:
                msg = f"--milliseconds must name a receiver, got {name}{did_you_mean(name, names)}"
                raise InvalidInputError(msg)
        return known

    def _given_ms(self, receiver: Receiver) -> float | None:
        by_name = self.milliseconds
        return by_name.get(receiver.name, by_name.get(receiver.function, by_name.get("")))

    def load_of(self, receiver: Receiver, timing: Timing | None = None) -> Load:
        """Return the load of a receiver.

        Args:
            receiver: The receiver.
            timing: What was measured of it. Default: its times are given.
        """
        given = self._given_ms(receiver)
        if timing is not None:
            message_ms, batch_ms = timing.message_ms, timing.batch_ms
        else:
            message_ms, batch_ms = self.load.message_ms if given is None else given, BATCH_MS
        return dataclasses.replace(
            self.load,
            message_ms=message_ms,
            batch_ms=batch_ms if self.batch_ms is None else self.batch_ms,
            messages=MESSAGES if self.messages is None else self.messages,
            account_concurrency=self.account_concurrency or ACCOUNT_CONCURRENCY,
        )


def times_of(texts: Sequence[str]) -> Mapping[str, float]:
    """Return times by the name of a receiver, from texts such as `40` and `Orders/Billing=120`.

    Raises:
        InvalidInputError: A text has no number above 0, or two are for the same receiver.
    """
    found: dict[str, float] = {}
    for name, number in _times(texts):
        if name in found:
            msg = f"--milliseconds must be given once for {name or 'all receivers'}, got it twice"
            raise InvalidInputError(msg)
        found[name] = number
    return found


def _times(texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            milliseconds = float(number)
        except ValueError:
            milliseconds = 0.0
        if not 0 < milliseconds < float("inf"):
            msg = f"--milliseconds must be a number above 0, with NAME= for one receiver, got {text!r}"
            raise InvalidInputError(msg)
        yield name, milliseconds


def is_path(source: str) -> bool:
    """Return whether a source is a file or a folder, or is meant to be one: no stack has a slash or dot in its name."""
    return Path(source).exists() or (not source.startswith("arn:") and not {"/", "."}.isdisjoint(source))


def stack_of(source: str | None, stack: str | None) -> str:
    """Return the name of the deployed stack that is meant.

    Raises:
        CommandError: None is named, or two are.
    """
    if source is not None and stack is not None:
        msg = f"SOURCE must be a folder beside --stack, or the stack without --stack, got {source} and {stack}"
        raise CommandError(msg)
    name = source or stack
    if name is None:
        msg = "SOURCE must name a deployed stack, a template or a folder of `cdk synth`, got none"
        raise CommandError(msg)
    return name
