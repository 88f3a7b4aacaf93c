"""Shows how stacks are: tables for each stack and what a person must look at, or a JSON object."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tsunagu.cli.output import CommandLine, Line, Shown, indented
from tsunagu.operations.denials import Denial
from tsunagu.operations.status.model import ConsumerStatus, JobStatus, QueueStatus, RequestsStatus, StackStatus
from tsunagu.operations.times import rough_duration_text, utc_text

if TYPE_CHECKING:
    from rich.console import RenderableType

UNKNOWN = "unknown"
_GOOD, _BAD, _QUIET = "green", "bold red", "dim"


def status_parts(statuses: Sequence[StackStatus]) -> Iterator[Shown]:
    """Yield what is shown of some stacks, those that need a person last, so that they are seen first on a terminal."""
    for status in sorted(statuses, key=lambda status: (bool(status.needs), status.name)):
        yield from _stack(status)


def watched_parts(statuses: Sequence[StackStatus], heading: str) -> Iterator[Shown]:
    """Yield what is shown again and again, where the end may be below the edge: what needs a person comes first."""
    yield Line(Text(heading, style=_QUIET))
    for status in sorted(statuses, key=lambda status: (not status.needs, status.name)):
        yield from _title(status)
        yield from _needs(status)
    for status in sorted(statuses, key=lambda status: (not status.needs, status.name)):
        yield Line(Text(status.name, style="bold"))
        yield from _tables(status)
        yield Text("")


def status_as_json(statuses: Sequence[StackStatus]) -> dict[str, Any]:
    """Return the same as JSON."""
    return {
        "needs_a_person": any(status.needs for status in statuses),
        "stacks": [dataclasses.asdict(status) for status in statuses],
    }


def _stack(status: StackStatus) -> Iterator[Shown]:
    yield from _title(status)
    yield from _tables(status)
    yield from _needs(status)
    yield Text("")


def _title(status: StackStatus) -> Iterator[Shown]:
    yield Line(Text.assemble(Text(status.name, style="bold"), ": ", _summary(status)))


def _tables(status: StackStatus) -> Iterator[Shown]:
    flows = (_pipelines(status), _jobs(status), _requests(status))
    tables = (_queues(status), _letters(status), *flows, _schedules(status))
    for table in tables:
        if table.row_count:
            yield table
    yield indented(_alarms(status), hanging=2)
    for denial in status.denied:
        yield indented(Text(denial_line(denial), style="yellow"))


def _alarms(status: StackStatus) -> Text:
    if not status.alarm_count:
        return Text("no alarms", style=_QUIET)
    if status.alarms is None:
        return Text(f"alarms raised: {UNKNOWN}", style=_QUIET)
    new = [alarm.name for alarm in status.alarms if alarm.is_of_new_stack]
    raised = f"alarms raised: {len(status.alarms)} of {status.alarm_count}"
    why = f"; until their first data, because the stack is new: {', '.join(new)}" if new else ""
    return Text(f"{raised}{why}", style=_BAD if len(new) < len(status.alarms) else _QUIET)


def _needs(status: StackStatus) -> Iterator[Shown]:
    if status.needs:
        yield indented(Text("what to do:", style="bold"))
        for need in status.needs:
            yield indented(Text(f"- {need.what}"), hanging=2)
            if need.command:
                yield CommandLine(need.command)


def _summary(status: StackStatus) -> Text:
    if status.needs:
        return Text("needs a person", style=_BAD)
    return Text("well, as far as may be read", style="yellow") if status.denied else Text("all well", style=_GOOD)


def denial_line(denial: Denial) -> str:
    """Return the line that says what the caller may not read."""
    return str(denial)


def _queues(status: StackStatus) -> Table:
    table = _table("queue")
    for name in ("waiting", "in flight", "oldest", "dead"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("consumer", overflow="fold")
    for queue in status.queues:
        table.add_row(queue.name, *_counts(queue), _consumers(queue.consumers))
    return table


def _counts(queue: QueueStatus) -> Iterable["RenderableType"]:
    if queue.depth is None:
        yield from (UNKNOWN, UNKNOWN)
    else:
        delayed = f" +{queue.depth.delayed:,} delayed" if queue.depth.delayed else ""
        yield f"{queue.depth.waiting:,}{delayed}"
        yield f"{queue.depth.in_flight:,}"
    if queue.oldest_seconds is None:
        yield UNKNOWN
    else:
        yield rough_duration_text(queue.oldest_seconds) if queue.oldest_seconds else "-"
    yield _dead(queue)


def _dead(queue: QueueStatus) -> "RenderableType":
    if not queue.has_dead_letter_queue:
        return "-"
    if queue.dead_letters is None:
        return UNKNOWN
    return Text(f"{queue.dead_letters:,}", style=_BAD if queue.dead_letters else "")


def _consumers(consumers: Sequence[ConsumerStatus]) -> Text:
    lines = [_consumer(each) for each in consumers]
    return Text("\n").join(lines) if lines else Text("-")


def _consumer(consumer: ConsumerStatus) -> Text:
    mapping = consumer.mapping
    limits = [
        f"at most {mapping.maximum_concurrency} at once" if mapping.maximum_concurrency else "",
        f"{consumer.reserved_concurrency} reserved" if consumer.reserved_concurrency is not None else "",
    ]
    state = Text(mapping.state or UNKNOWN, style=_GOOD if mapping.state == "Enabled" else _BAD)
    rest = "".join(f", {limit}" for limit in limits if limit)
    return Text.assemble(f"{consumer.function} ", state, rest)


def _letters(status: StackStatus) -> Table:
    table = _table("dead letters")
    table.add_column("letters", justify="right", no_wrap=True)
    table.add_column("from", overflow="fold")
    for queue in status.dead_letter_queues:
        if queue.count != 0:
            origins = ", ".join(f"{each.kind} {each.name}" for each in queue.origins)
            count = UNKNOWN if queue.count is None else f"{queue.count:,}"
            table.add_row(queue.name, Text(count, style=_BAD if queue.count else ""), origins or "-")
    return table


def _jobs(status: StackStatus) -> Table:
    table = _table("job")
    for name in ("last run", "lease"):
        table.add_column(name, overflow="fold")
    for job in status.jobs:
        bad = job.last_state in {"ABORTED", "FAILED", "TIMED_OUT"}
        table.add_row(job.name, Text(job.last_state or "-", style=_BAD if bad else ""), _lease(job))
    return table


def _lease(job: JobStatus) -> str:
    if job.lease is None:
        return "-"
    if not job.lease.owner:
        return f"free, after run {job.lease.run} for {job.lease.slot}"
    left = " by an execution that has ended" if job.is_left_behind else ""
    return f"held{left} for run {job.lease.run} since {utc_text(job.lease.since)}, until {utc_text(job.lease.lease)}"


def _pipelines(status: StackStatus) -> Table:
    table = _table("pipeline")
    for name in ("not done", "for over an hour"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in status.pipelines:
        count = UNKNOWN if each.unfinished is None else f"{each.unfinished:,}{' or more' if each.has_more else ''}"
        table.add_row(each.name, count, Text(f"{each.left_behind:,}", style=_BAD if each.left_behind else ""))
    return table


def _requests(status: StackStatus) -> Table:
    table = _table("requests")
    for name in ("open", "overdue"):
        table.add_column(name, justify="right", no_wrap=True)
    for api in status.requests:
        table.add_row(api.name, _open(api), Text(f"{api.overdue:,}", style=_BAD if api.overdue else ""))
    return table


def _open(api: RequestsStatus) -> str:
    if api.open is None:
        return UNKNOWN
    return f"{api.open:,}{' or more' if api.has_more else ''}"


def _schedules(status: StackStatus) -> Table:
    table = _table("schedule")
    for name in ("state", "ticks"):
        table.add_column(name, no_wrap=True)
    for schedule in status.schedules:
        style = _BAD if schedule.is_stopped else _QUIET if schedule.state == "DISABLED" else ""
        table.add_row(schedule.name, Text(schedule.state or UNKNOWN, style=style), schedule.expression)
    return table


def _table(first: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column(first, overflow="fold", min_width=12)
    return table
