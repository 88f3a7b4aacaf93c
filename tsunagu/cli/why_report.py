"""Shows what is recorded of an id: one page for the operator, or a JSON object."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from tsunagu.cli.output import CommandLine, Line, Shown, indented
from tsunagu.cli.status_report import denial_line
from tsunagu.operations.evidence.log_search import LogLine
from tsunagu.operations.evidence.model import Evidence, Finding, Moment
from tsunagu.operations.times import utc_text

LINES_SHOWN = 12
# Fields of a log line that say something beside its message; ids are those that were searched.
_SHOWN_FIELDS = (
    "service",
    "attempts",
    "error_type",
    "error_location",
    "operation",
    "resource",
    "error_code",
    "job",
    "run",
    "command",
    "who",
    "what",
)
_BAD, _QUIET = "bold red", "dim"


def why_as_json(evidence: Evidence) -> dict[str, Any]:
    """Return the same as JSON."""
    document = dataclasses.asdict(evidence)
    document["lines"] = [_line_as_json(line) for line in evidence.lines]
    document["around"] = [_line_as_json(line) for line in evidence.around]
    document["error_line"] = None if evidence.error_line is None else _line_as_json(evidence.error_line)
    return document


def why_parts(evidence: Evidence) -> Iterator[Shown]:
    """Yield the page about an id."""
    if not evidence.findings and not evidence.lines:
        limit = ", as far as may be read" if evidence.denied else ""
        yield Text(f"nothing is recorded of {evidence.id}{limit}", style=_BAD)
        yield from _hints(evidence)
    for finding in evidence.findings:
        yield from _finding(finding)
    if evidence.error_line is not None:
        yield from _error(evidence.error_line, evidence.around)
    elif evidence.lines:
        yield Text("log lines", style="bold")
        yield from (indented(_line(line), hanging=2) for line in evidence.lines[-LINES_SHOWN:])
    for advice in evidence.unseen:
        yield Text(f"{advice.what}:")
        yield CommandLine(advice.command)
    for denial in evidence.denied:
        yield Text(denial_line(denial), style="yellow")


def item_parts(finding: Finding, item_id: str) -> Iterator[Shown]:
    """Yield what `find` shows of an item."""
    changed = max((moment.time_ms for moment in finding.moments), default=0)
    yield Line(Text.assemble(Text(finding.what, style="bold"), f" ({finding.stack_name})"))
    yield indented(Text.assemble("now: ", Text(finding.now, style="" if finding.ended else _BAD)), hanging=2)
    if changed:
        yield indented(Text(f"last change: {utc_text(changed)}"))
    yield indented(Text(f"item: {item_id}"))


def _hints(evidence: Evidence) -> Iterator[Shown]:
    groups = f"{len(evidence.searched)} log groups since {utc_text(evidence.since_ms)}"
    yield indented(Text(f"Searched: items, dead letters, pipelines, executions, jobs, and {groups}."))
    words = "It may have expired, be older (--since 7d), be in another region or account, or never have arrived."
    yield indented(Text(words))


def _finding(finding: Finding) -> Iterator[Shown]:
    yield Line(Text.assemble(Text(finding.what, style="bold"), f" ({finding.stack_name})"))
    yield indented(Text.assemble("now: ", Text(finding.now, style="" if finding.ended else _BAD)), hanging=2)
    if finding.reason:
        yield indented(Text(f"reason: {finding.reason}"), hanging=2)
    for moment in sorted(finding.moments, key=lambda each: each.time_ms):
        yield indented(_moment(moment), hanging=2)
    for advice in finding.advice:
        yield indented(Text(f"{advice.what}:"))
        yield CommandLine(advice.command)
    yield Text("")


def _moment(moment: Moment) -> Text:
    when = utc_text(moment.time_ms) if moment.time_ms else "at some time"
    return Text.assemble(Text(f"{when}  ", style=_QUIET), f"{moment.where}: {moment.what}")


def _error(error: LogLine, around: Sequence[LogLine]) -> Iterator[Shown]:
    kind, place = error.fields.get("error_type", ""), error.fields.get("error_location", "")
    words = " ".join(filter(None, (kind, f"at {place}" if place else ""))) or error.message
    yield Line(Text.assemble(Text("last error", style="bold"), f": {words}", style=_BAD))
    yield indented(Text(f"{error.log_group}  {error.stream}", style=_QUIET))
    for line in around or [error]:
        mark = Text("> ", style=_BAD) if line.text == error.text else Text("  ")
        yield indented(Text.assemble(mark, _line(line)), hanging=4)
    yield Text("")


def _line(line: LogLine) -> Text:
    shown = [f"{name}={line.fields[name]}" for name in _SHOWN_FIELDS if line.fields.get(name) not in {None, ""}]
    text = " ".join((line.message, *shown)) if line.fields else line.text
    return Text.assemble(Text(f"{utc_text(line.time_ms)}  ", style=_QUIET), text)


def _line_as_json(line: LogLine) -> dict[str, Any]:
    return {
        "time": utc_text(line.time_ms),
        "log_group": line.log_group,
        "stream": line.stream,
        "line": dict(line.fields) or line.text,
    }
