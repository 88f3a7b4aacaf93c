"""The journal of a pipeline: reads the items that starts and services wrote to the idempotency table.

* The item of a start holds the envelope that the start published. The item of a service holds its result.
* An item is read by run, step and service, with a consistent read.
* The runs of a request are found through an index. An index is a moment behind its table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

from tsunagu.contracts.items import Status
from tsunagu.runtime.claim_check import Part, part_from_json
from tsunagu.runtime.errors import InvalidMessageError, UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.json_text import read_json
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.shape import Pipeline, PipelineStep, service_item_ids, start_scope

Found = Item | Verdict | None

_DONE = frozenset({Status.COMMITTED, Status.COMPLETED})


class ItemReader(Protocol):
    """Reads items by their ids."""

    def read(self, item_ids: Sequence[str]) -> list[Found]:
        """Read items consistently. None: there is no such item. A `Verdict`: no answer, or one that cannot be read."""
        ...


class JournalIndex(Protocol):
    """Finds the items of a request."""

    def item_ids(self, request_id: str) -> list[str]:
        """Return the ids of all items of a request, as of a moment ago.

        Raises:
            UnavailableError: The store did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Start:
    """A start or a replay of a request.

    Attributes:
        item: Its item in the table.
        envelope: The envelope that it published. None: it published nothing, or the envelope cannot be read.
        problem: Why the envelope cannot be read; empty otherwise.
    """

    item: Item
    envelope: Envelope | None
    problem: str = ""

    @property
    def reason(self) -> str:
        """Why it led to no run; empty if it led to one or did not fail."""
        return self.problem or self.item.reason

    @property
    def started_ms(self) -> int:
        """When it began, in ms since the epoch. If it published nothing: when its item changed last."""
        return self.item.updated if self.envelope is None else run_started_ms(self.envelope.run_id)


class Journal:
    """Reads the items of the runs of one pipeline.

    Args:
        pipeline: The pipeline.
        items: Reads items.
        index: Finds the items of a request.
    """

    def __init__(self, pipeline: Pipeline, items: ItemReader, index: JournalIndex) -> None:
        self._pipeline = pipeline
        self._items = items
        self._index = index

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline."""
        return self._pipeline

    def starts(self, request_id: str) -> list[Start]:
        """Return the starts and replays of a request, oldest first. One that cannot be read does not hide the others.

        Raises:
            UnavailableError: The store did not answer.
        """
        scope = f"{start_scope(self._pipeline.name)}#"
        ids = [item_id for item_id in self._index.item_ids(request_id) if item_id.startswith(scope)]
        items = [item for item in self.items(ids).values() if item is not None]
        return sorted(map(_start, items), key=lambda start: (start.started_ms, start.item.id))

    def services(self, run: Envelope, step: PipelineStep) -> dict[str, Item | None]:
        """Return the items of a step's services in a run, by service name.

        If the run asks only one service, the items of the other services are those of its base run.

        Raises:
            UnavailableError: The store did not answer.
        """
        asked_one = run.only is not None and run.step == step.name
        ids = service_item_ids(
            self._pipeline.name,
            step.name,
            step.services,
            run_id=run.run_id,
            only=run.only if asked_one else None,
            base_run_id=run.base_run_id,
        )
        found = self.items([*ids.values()])
        return {service: found[item_id] for service, item_id in ids.items()}

    def results(self, run: Envelope, step: PipelineStep) -> dict[str, Part] | None:
        """Return the results of a step in a run, by service name; None if a service is not done.

        Raises:
            UnavailableError: The store did not answer.
        """
        done = {service: item for service, item in self.services(run, step).items() if is_done(item)}
        if len(done) < len(step.services):
            return None
        return {service: part_from_json(f"the result of {service}", result_of(item)) for service, item in done.items()}

    def items(self, item_ids: Sequence[str]) -> dict[str, Item | None]:
        """Return items by id; None for an id without an item.

        Raises:
            UnavailableError: The store did not answer for some of them.
        """
        found: dict[str, Item | None] = {}
        for item_id, item in read_by_id(self._items, item_ids).items():
            if isinstance(item, Verdict):
                msg = f"the journal was not read: {item.problem or item.unreadable or 'the table did not answer'}"
                raise UnavailableError(msg, call=item.problem)
            found[item_id] = item
        return found


def _start(item: Item) -> Start:
    if not is_done(item):
        return Start(item, None)
    try:
        return Start(item, envelope_of(item))
    except InvalidMessageError as error:
        return Start(item, None, f"the item cannot be read: {error}")


def read_by_id(items: ItemReader, item_ids: Sequence[str]) -> dict[str, Found]:
    """Read items consistently, and return the answers by id."""
    return dict(zip(item_ids, items.read(item_ids), strict=True)) if item_ids else {}


def is_done(item: Found) -> TypeGuard[Item]:
    """Whether the work of an item is done, so that its result is final."""
    return isinstance(item, Item) and item.status in _DONE


def result_of(item: Item) -> Any:
    """Return the JSON value of an item's result.

    Raises:
        InvalidMessageError: The item has no result, or one that is not JSON.
    """
    return read_json(f"the result of {item.id}", item.result)


def envelope_of(item: Item) -> Envelope:
    """Return the envelope that a start published.

    Raises:
        InvalidMessageError: The item has no result, or one that is not an envelope.
    """
    return Envelope.from_json(result_of(item))


def run_started_ms(run_id: str) -> int:
    """Return when a run was started, in ms since the epoch: the first 48 bits of a UUID of version 7."""
    return int(run_id.replace("-", "")[:12], 16)
