"""Gathers what is recorded of an id, in all places where it can be."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tsunagu.operations.deployed_queues import read_queues
from tsunagu.operations.evidence.executions import executions_named, finding_of_job
from tsunagu.operations.evidence.item_search import (
    FoundItem,
    ids_in_index,
    ids_of_key,
    ids_of_request,
    learned_spaces,
    open_ids,
    read_items,
)
from tsunagu.operations.evidence.items import finding_of_item
from tsunagu.operations.evidence.log_search import LogLine, log_line, search_logs
from tsunagu.operations.evidence.model import Evidence, Finding
from tsunagu.operations.evidence.places import StackPlaces
from tsunagu.operations.evidence.runs import runs_of
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.jobs import jobs_of
from tsunagu.operations.reader import Reader

# Ids in a log line under which more is recorded.
_ID_FIELDS = ("request_id", "item_id", "message_id", "cause_request_id")
FOLLOWED_IDS = 20
AROUND_MS = 60_000
LINES_AROUND = 12


def places_of(reader: Reader, inventories: Iterable[StackInventory]) -> list[StackPlaces]:
    """Return the stacks with their queues and functions."""
    return [StackPlaces(inventory=each, known=read_queues(reader, each)) for each in inventories]


def gather(reader: Reader, places: Sequence[StackPlaces], id_: str, *, since_ms: int, now_ms: int) -> Evidence:
    """Return everything that is recorded of an id.

    Args:
        reader: Reads from AWS, and notes what it may not read.
        places: Stacks that are searched.
        id_: A request id, message id, business key, item id, execution ARN or name, or a job.
        since_ms: How old a log line may be, in milliseconds since the epoch.
        now_ms: The time, in milliseconds since the epoch.
    """
    groups = sorted({group for each in places for group in each.log_groups})
    lines = search_logs(reader, groups, [id_], since_ms)
    linked = _linked_ids(lines, id_)
    if linked:
        lines = search_logs(reader, groups, [id_, *linked], since_ms)
    findings = [finding for each in places for finding in _findings(reader, each, id_, linked, now_ms)]
    error = next((line for line in reversed(lines) if line.is_error), None)
    return Evidence(
        id=id_,
        findings=sorted(_without_copies(findings), key=lambda finding: finding.ended),
        lines=lines,
        error_line=error,
        around=_around(reader, error) if error else [],
        denied=reader.denials(),
        searched=groups,
        since_ms=since_ms,
    )


def find_items(reader: Reader, places: StackPlaces, key: str, spaces: Sequence[str] = ()) -> list[FoundItem]:
    """Return the items of a business key in a stack, across its receivers.

    Args:
        reader: Reads from AWS.
        places: The stack.
        key: The business key.
        spaces: Key spaces, such as `payments@queue-name`. Default: those that environments tell, and those that the
            first items of each table have.
    """
    known = spaces or learned_spaces(reader, places)
    return read_items(reader, places.tables, ids_of_key(places, key, known))


def _findings(reader: Reader, places: StackPlaces, id_: str, linked: Sequence[str], now_ms: int) -> Iterator[Finding]:
    for job in jobs_of(reader, places.inventory, places.known.functions):
        if job.is_named(id_):
            yield from finding_of_job(reader, places, job)
    if " " not in id_ and len(id_) <= 300:  # noqa: PLR2004 - of an ARN; a name has 80 characters
        yield from executions_named(reader, places, id_)
    yield from runs_of(reader, places, id_)
    for found in _items(reader, places, id_, linked):
        yield finding_of_item(found, places, now_ms)


def _items(reader: Reader, places: StackPlaces, id_: str, linked: Sequence[str]) -> list[FoundItem]:
    ids = [each for each in (id_, *linked) if "#" in each]
    ids += ids_of_request(places, id_)
    ids += open_ids(reader, places, id_)
    ids += ids_in_index(reader, places.tables, id_)
    found = read_items(reader, places.tables, ids)
    return found or find_items(reader, places, id_)


def _linked_ids(lines: Iterable[LogLine], id_: str) -> list[str]:
    """Return other ids in the lines of an id, each once: those of its message, its item, and of what caused it."""
    found: dict[str, None] = {}
    for line in lines:
        for name in _ID_FIELDS:
            value: Any = line.fields.get(name)
            if isinstance(value, str) and value and value != id_:
                found[value] = None
    return [*found][:FOLLOWED_IDS]


def _around(reader: Reader, error: LogLine) -> list[LogLine]:
    """Return the lines of the sandbox just before and after an error."""

    def read() -> list[LogLine]:
        answer = reader.aws.logs.get_log_events(
            logGroupName=error.log_group,
            logStreamName=error.stream,
            startTime=error.time_ms - AROUND_MS,
            endTime=error.time_ms + AROUND_MS,
            startFromHead=True,
        )
        lines = [log_line(error.log_group, {**each, "logStreamName": error.stream}) for each in answer["events"]]
        lines = [line for line in lines if not line.is_noise]
        place = next((number for number, line in enumerate(lines) if line.text == error.text), 0)
        first = max(0, place - LINES_AROUND // 2)
        return lines[first : first + LINES_AROUND]

    return reader.read(read, [])


def _without_copies(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without those of a table that several stacks use."""
    known: list[Finding] = []
    seen = set()
    for finding in findings:
        identity = (finding.what, str(finding.details))
        if identity not in seen:
            seen.add(identity)
            known.append(finding)
    return known
