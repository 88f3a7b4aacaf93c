"""Gathers what is recorded of an id, in all places where it can be."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tsunagu.contracts.items import Status
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
from tsunagu.operations.evidence.letters import (
    FoundLetters,
    find_letters,
    finding_of_letter,
    items_of_letters,
    unseen_advice,
)
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
PlacedItem = tuple[FoundItem, StackPlaces]


def places_of(reader: Reader, inventories: Iterable[StackInventory]) -> list[StackPlaces]:
    """Return the stacks with their queues and functions."""
    return [StackPlaces(inventory=each, known=read_queues(reader, each)) for each in inventories]


def gather(reader: Reader, places: Sequence[StackPlaces], id_: str, *, since_ms: int, now_ms: int) -> Evidence:
    """Return everything that is recorded of an id.

    Args:
        reader: Reads from AWS, and notes what it may not read.
        places: Stacks that are searched.
        id_: A request id, message id (of a dead letter: now or before), business key, item id, execution ARN or name,
            or a job.
        since_ms: How old a log line may be, in milliseconds since the epoch.
        now_ms: The time, in milliseconds since the epoch.
    """
    groups = sorted({group for each in places for group in each.log_groups})
    lines = search_logs(reader, groups, [id_], since_ms)
    linked = _linked_ids(lines, id_)
    found = [(item, each) for each in places for item in _items(reader, each, id_, linked)]
    others = [finding for each in places for finding in _others(reader, each, id_)]
    known = [*linked, *(each for item, _ in found for each in _ids_of(item))]
    letters = find_letters(reader, _places_of_letters(places, found, others), id_, known)
    items = [*found, *items_of_letters(reader, letters)]
    ids = [*dict.fromkeys((id_, *linked, *letters.ids))]
    lines = search_logs(reader, groups, ids, since_ms) if len(ids) > 1 else lines
    error = next((line for line in reversed(lines) if line.is_error), None)
    return Evidence(
        id=id_,
        findings=[*_in_order(others, letters, items, now_ms)],
        lines=lines,
        error_line=error,
        around=_around(reader, error) if error else [],
        denied=reader.denials(),
        searched=groups,
        since_ms=since_ms,
        unseen=unseen_advice(letters, id_),
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


def _others(reader: Reader, places: StackPlaces, id_: str) -> Iterator[Finding]:
    """Yield what an id means besides a message: a job, an execution, a run of a pipeline."""
    for job in jobs_of(reader, places.inventory, places.known.functions):
        if job.is_named(id_):
            yield from finding_of_job(reader, places, job)
    if " " not in id_ and len(id_) <= 300:  # noqa: PLR2004 - of an ARN; a name has 80 characters
        yield from executions_named(reader, places, id_)
    yield from runs_of(reader, places, id_)


def _places_of_letters(
    places: Sequence[StackPlaces], items: Sequence[PlacedItem], others: Sequence[Finding]
) -> Sequence[StackPlaces]:
    """Return the stacks whose dead letters are looked at: all when nothing is found, else those with open items.

    Letters are received for a look, so nobody looks where it is known what became of the message. An item that is not
    done may be that of a letter which SQS itself moved. The letter of a dead one may be in one of several queues.
    """
    if not items and not others:
        return places
    opened = [stack.inventory.name for found, stack in items if not _is_known(found, stack)]
    return [each for each in places if each.inventory.name in opened]


def _is_known(found: FoundItem, places: StackPlaces) -> bool:
    """Whether an item says where its message is: done, or dead-lettered by a receiver that is known."""
    status = found.item.status
    return status is Status.COMPLETED or (status is Status.DEAD and places.receiver_of(found.item.id) is not None)


def _in_order(
    others: Iterable[Finding], letters: FoundLetters, items: Iterable[PlacedItem], now_ms: int
) -> list[Finding]:
    """Return the findings: what needs somebody first."""
    items = [*items]
    dead = {
        letter_id
        for found, stack in items
        if found.item.status is Status.DEAD and _is_known(found, stack)
        for letter_id in found.item.message_ids
    }
    findings = [
        *(finding_of_letter(opened, stack, has_advice=not opened.ids & dead) for opened, stack in letters.letters),
        *others,
        *(finding_of_item(found, stack, now_ms) for found, stack in items),
    ]
    return sorted(_without_copies(findings), key=lambda finding: finding.ended)


def _items(reader: Reader, places: StackPlaces, id_: str, linked: Sequence[str]) -> list[FoundItem]:
    ids = [each for each in (id_, *linked) if "#" in each]
    ids += ids_of_request(places, id_)
    ids += open_ids(reader, places, id_)
    ids += ids_in_index(reader, places.tables, id_)
    found = read_items(reader, places.tables, ids)
    return found or find_items(reader, places, id_)


def _ids_of(found: FoundItem) -> list[str]:
    """Return the ids of an item, by which its letter is known."""
    item = found.item
    return [each for each in (item.id, item.request_id, *item.message_ids) if each]


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
