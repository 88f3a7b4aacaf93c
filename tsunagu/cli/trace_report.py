"""Shows a trace: a table for each run, or a JSON object."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tsunagu.cli.output import Line, Shown, indented, print_parts
from tsunagu.contracts.items import Status
from tsunagu.operations.trace import RequestTrace, RunTrace, ServiceTrace
from tsunagu.runtime.claim_check import Inline, Part
from tsunagu.runtime.json_text import json_text

if TYPE_CHECKING:
    from rich.console import Console

OUTCOMES = {
    None: "not there yet",
    Status.INPROGRESS: "in progress",
    Status.RELEASED: "failed, will be retried",
    Status.COMMITTED: "done, not sent on yet",
    Status.COMPLETED: "done",
    Status.DEAD: "dead",
}
START_OUTCOMES = {**OUTCOMES, Status.COMMITTED: "not published yet", Status.COMPLETED: "published"}


def print_trace(console: "Console", trace: RequestTrace) -> None:
    """Print each run with a row for each service, oldest run first."""
    for run in trace.runs:
        print_parts(console, _run_parts(trace.bucket, run))


def trace_as_json(trace: RequestTrace) -> dict[str, Any]:
    """Return the trace as JSON: times in UTC, data as the messages carry it."""
    return {
        "request_id": trace.request_id,
        "bucket": trace.bucket,
        "runs": [_run_as_json(run) for run in trace.runs],
    }


def _run_parts(bucket: str, run: RunTrace) -> Iterator[Shown]:
    yield Line(Text(_heading(run)), hanging=2)
    if run.request is not None:
        yield indented(Text(f"request: {_place(bucket, run.request)}"), hanging=2)
    if run.services:
        yield _table(run.services)
        for each in run.services:
            yield from _remarks(bucket, each)
        yield Text("")


def _remarks(bucket: str, service: ServiceTrace) -> Iterator[Shown]:
    """Yield what does not fit a table: a reason may be long, and the place of a result is to be copied."""
    if service.reason:
        yield indented(Text(f"{service.step}.{service.service}: {service.reason}"), hanging=2)
    if service.result is not None:
        yield indented(Text(f"{service.step}.{service.service}, result: {_place(bucket, service.result)}"), hanging=2)


def _heading(run: RunTrace) -> str:
    parts = [f"run {run.run_id or 'without an id'}", f"{START_OUTCOMES[run.status]} {_time(run.started_ms)}"]
    if run.from_step is not None:
        parts.append(f"from {run.from_step}")
    if run.only is not None:
        parts.append(f"only {run.only}, the others as in run {run.base_run_id}")
    if run.reason:
        parts.append(run.reason)
    return ", ".join(parts)


def _table(services: Sequence[ServiceTrace]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("step", "service", "outcome"):
        table.add_column(heading, overflow="fold")
    table.add_column("last change", no_wrap=True)
    for heading in ("tries", "failed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in services:
        outcome = OUTCOMES[each.status]
        table.add_row(
            each.step,
            each.service,
            f"{outcome} (other run)" if each.is_of_base else outcome,
            "" if each.updated_ms is None else _time(each.updated_ms),
            str(each.claims),
            str(each.attempts),
        )
    return table


def _place(bucket: str, part: Part) -> str:
    """Return the place and size of a part. Its JSON may hold personal data, so it is not shown."""
    if isinstance(part, Inline):
        return f"in the message, {len(json_text(part.value).encode()):,} bytes"
    return f"s3://{bucket}/{part.key} version {part.version_id}, {part.size_bytes:,} bytes"


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:-6] + "Z"


def _run_as_json(run: RunTrace) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "status": run.status,
        "started": _time(run.started_ms),
        "reason": run.reason,
        "from_step": run.from_step,
        "only": run.only,
        "base_run_id": run.base_run_id,
        "is_done": run.is_done,
        "request": None if run.request is None else run.request.to_json(),
        "services": [_service_as_json(each) for each in run.services],
    }


def _service_as_json(each: ServiceTrace) -> dict[str, Any]:
    return {
        "step": each.step,
        "service": each.service,
        "status": each.status,
        "updated": None if each.updated_ms is None else _time(each.updated_ms),
        "claims": each.claims,
        "attempts": each.attempts,
        "reason": each.reason,
        "result": None if each.result is None else each.result.to_json(),
        "is_of_base": each.is_of_base,
    }
