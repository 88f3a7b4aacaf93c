"""Shows what receivers drain: sentences and a table of changes for each, or a JSON object."""

import math
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from tsunagu.capacity.answer import Answer, chains
from tsunagu.capacity.reading import Intake
from tsunagu.capacity.receiver import Receiver
from tsunagu.cli.capacity_question import Found
from tsunagu.cli.output import Line, Shown, indented
from tsunagu.operations.times import duration_text

NEXT_LIMITS, BEST_CHANGES = 2, 4


def capacity_parts(found: Found) -> Iterator[Shown]:
    """Yield what is shown of the receivers, then of the pipelines and APIs that they are part of."""
    for answer in found.answers:
        yield from _answer(answer)
    for receiver in found.unmeasured:
        yield _title(receiver)
        yield indented(Text(f"no invocation in its log: give --milliseconds {receiver.name}=NUMBER", style="yellow"))
    for chain in chains(found.answers):
        yield Line(Text(f"pipeline {chain.pipeline}", style="bold"))
        slowest = chain.slowest
        because = f"{slowest.receiver.name}, {slowest.limits[0].what}"
        yield indented(Text(f"at most {slowest.rate:,.0f} runs a second: {because}"), hanging=2)
        yield indented(Text(f"{slowest.load.messages:,} runs are done {_after(chain.seconds)}"))
    for intake in found.intakes:
        yield Line(Text(intake.name, style="bold"))
        yield indented(Text(f"accepts at most {intake.rate:,.0f} requests a second: {intake.what}"))
    for denial in found.denied:
        yield Line(Text(str(denial), style="yellow"))


def capacity_as_json(found: Found) -> dict[str, Any]:
    """Return the same as JSON, with all limits and changes."""
    return {
        "receivers": [_answer_as_json(answer) for answer in found.answers],
        "unmeasured": [receiver.name for receiver in found.unmeasured],
        "pipelines": [
            {
                "name": chain.pipeline,
                "slowest": chain.slowest.receiver.name,
                "runs_per_second": chain.slowest.rate,
                "seconds": _finite(chain.seconds),
            }
            for chain in chains(found.answers)
        ],
        "intakes": [_intake_as_json(intake) for intake in found.intakes],
        "denied": [str(denial) for denial in found.denied],
    }


def _finite(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None


def _after(seconds: float) -> str:
    return f"after {duration_text(seconds)}" if seconds < math.inf else "never"


def _title(receiver: Receiver) -> Line:
    kind = "FIFO" if receiver.fifo else "standard queue"
    return Line(Text.assemble((receiver.name, "bold"), f" ({kind}, batches of {receiver.batch_size:,})"))


def _answer(answer: Answer) -> Iterator[Shown]:
    tightest, *others = answer.limits
    load, seconds = answer.load, answer.batch_seconds
    yield _title(answer.receiver)
    if (timing := answer.timing) is not None:
        took = f"{timing.mean_ms:,.0f} ms with {timing.mean_messages:.1f} messages"
        yield indented(Text(f"measured: {timing.invocations:,} invocations, {took} on average"))
    yield indented(Text(f"at most {tightest.rate:,.0f} messages a second: {tightest.what}"), hanging=2)
    for other in others[:NEXT_LIMITS]:
        yield indented(Text(f"next {other.rate:,.0f}: {other.what}"), hanging=2)
    yield indented(Text(f"takes {answer.concurrency:,} invocations of {seconds:,.2f} s at the same time"))
    yield indented(Text(f"{load.messages:,} messages are done {_after(answer.seconds)}"))
    for warning in answer.warnings:
        yield indented(Text(warning, style="yellow"), hanging=2)
    if answer.changes:
        yield indented(Text("what would help, each alone:"))
        yield _changes(answer)


def _changes(answer: Answer) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(width=2)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for change in answer.changes[:BEST_CHANGES]:
        table.add_row("", change.what, f"{change.rate:,.0f} a second", duration_text(change.seconds))
    return table


def _answer_as_json(answer: Answer) -> dict[str, Any]:
    receiver, load, timing = answer.receiver, answer.load, answer.timing
    return {
        "name": receiver.name,
        "function": receiver.function,
        "pipeline": receiver.pipeline,
        "fifo": receiver.fifo,
        "batch_size": receiver.batch_size,
        "message_ms": load.message_ms,
        "batch_ms": load.batch_ms,
        "measured_invocations": 0 if timing is None else timing.invocations,
        "messages": load.messages,
        "messages_per_second": answer.rate,
        "concurrency": answer.concurrency,
        "batch_seconds": answer.batch_seconds,
        "seconds": _finite(answer.seconds),
        "limits": [
            {"throttle": limit.throttle, "messages_per_second": limit.rate, "what": limit.what}
            for limit in answer.limits
        ],
        "changes": [
            {"what": change.what, "messages_per_second": change.rate, "seconds": change.seconds}
            for change in answer.changes
        ],
        "warnings": [*answer.warnings],
    }


def _intake_as_json(intake: Intake) -> dict[str, Any]:
    return {"name": intake.name, "requests_per_second": intake.rate, "what": intake.what}
