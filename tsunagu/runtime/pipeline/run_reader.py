"""Reads runs by the items of their starts: whether they are over, and what they wait for.

A run is over when the services of the last step are done, and have sent their messages. What a run waits for is said by
the pipeline as it is deployed now: a deployment may have left runs behind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import InvalidMessageError, UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.journal import (
    Found,
    ItemReader,
    JournalIndex,
    envelope_of,
    is_done,
    read_by_id,
    run_started_ms,
)
from tsunagu.runtime.pipeline.shape import Pipeline, PipelineStep, service_item_ids, start_scope
from tsunagu.runtime.pipeline.unfinished_run import Cause, UnfinishedRun, Wait, cause_of


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run, and the item of its start.

    Attributes:
        start: The item.
        envelope: What it published.
    """

    start: Item
    envelope: Envelope


class RunReader:
    """Reads the runs of one pipeline.

    Args:
        pipeline: The pipeline, as it is deployed now.
        items: Reads items.
        by_request: Finds the items of a request.
    """

    def __init__(self, pipeline: Pipeline, items: ItemReader, by_request: JournalIndex) -> None:
        self._pipeline = pipeline
        self._items = items
        self._by_request = by_request
        self._services = {(step.name, service) for step in pipeline.steps for service in step.services}

    def read(self, item_ids: Iterable[str]) -> dict[str, Found]:
        """Read items consistently. One that has another form is a `Verdict`, so that it does not hide the others.

        Raises:
            UnavailableError: The store did not answer.
        """
        found = read_by_id(self._items, [*dict.fromkeys(item_ids)])
        for item in found.values():
            if isinstance(item, Verdict) and item.outcome is not Outcome.UNREADABLE:
                msg = f"runs were not read: {item.problem or 'the table did not answer'}"
                raise UnavailableError(msg, call=item.problem)
        return found

    def over(self, runs: Sequence[StartedRun]) -> list[StartedRun]:
        """Return those of the runs that are over.

        Raises:
            UnavailableError: The store did not answer.
        """
        last = self._pipeline.steps[-1]
        items = self.read(item_id for run in runs for item_id in self._item_ids(run.envelope, last).values())
        return [run for run in runs if not self._causes(run, last, items)]

    def is_replayed(self, run: StartedRun) -> bool:
        """Return whether a later run of the same request is over.

        Raises:
            UnavailableError: The store did not answer.
        """
        scope, envelope = f"{start_scope(self._pipeline.name)}#", run.envelope
        ids = [each for each in self._by_request.item_ids(envelope.request_id) if each.startswith(scope)]
        others = self.read(ids) if len(ids) > 1 else {}
        runs = [started for each in others.values() if isinstance(each, Item) and (started := started_run(each))]
        return bool(self.over([each for each in runs if each.envelope.run_id > envelope.run_id]))

    def unfinished(self, run: StartedRun) -> UnfinishedRun:
        """Return what an unfinished run waits for.

        Raises:
            UnavailableError: The store did not answer.
        """
        envelope = run.envelope
        return UnfinishedRun(
            start_id=run.start.id,
            request_id=envelope.request_id,
            run_id=envelope.run_id,
            started_ms=run_started_ms(envelope.run_id),
            waits=(*self._waits(run), *self._waits_for_what_is_gone(envelope)),
        )

    def _waits(self, run: StartedRun) -> Iterable[Wait]:
        """Return what a run waits for in its first step that is not done."""
        first, since_ms, steps = run.envelope.step, run.start.updated, self._pipeline.steps_from(run.envelope.step)
        for step in steps:
            ids = self._item_ids(run.envelope, step)
            items = self.read(ids.values())
            if causes := self._causes(run, step, items):
                if step.name == first and _is_unpublished(run.start, items):
                    return [_wait(first, "", Cause.NOT_PUBLISHED, run.start, since_ms)]
                return [
                    _wait(step.name, service, cause, items[ids[service]], since_ms) for service, cause in causes.items()
                ]
            since_ms = max(since_ms, *(item.updated for item in items.values() if isinstance(item, Item)))
        return [] if steps else [Wait(step=first, service="", cause=Cause.STEP_GONE, since_ms=since_ms)]

    def _waits_for_what_is_gone(self, run: Envelope) -> Iterator[Wait]:
        """Return the services that a run reached, that are not done, and that the pipeline does not have any more."""
        ids = self._by_request.item_ids(run.request_id)
        reached = {each: place for each in ids if (place := _place_of(self._pipeline.name, run.run_id, each))}
        gone = {each: place for each, place in reached.items() if place not in self._services}
        for each, item in self.read(gone).items():
            if cause_of(item, is_of_base=False) is not None:
                yield _wait(*gone[each], Cause.SERVICE_GONE, item, run_started_ms(run.run_id))

    def _causes(self, run: StartedRun, step: PipelineStep, items: dict[str, Found]) -> dict[str, Cause]:
        """Return why a run waits for services of a step, by service; none when all are done."""
        only = run.envelope.only if run.envelope.step == step.name else None
        causes = {
            service: cause_of(items[each], is_of_base=only not in {None, service})
            for service, each in self._item_ids(run.envelope, step).items()
        }
        return {service: cause for service, cause in causes.items() if cause is not None}

    def _item_ids(self, run: Envelope, step: PipelineStep) -> dict[str, str]:
        return service_item_ids(
            self._pipeline.name,
            step.name,
            step.services,
            run_id=run.run_id,
            only=run.only if run.step == step.name else None,
            base_run_id=run.base_run_id,
        )


def started_run(start: Item) -> StartedRun | None:
    """Return the run of a start; None when it has none, or it cannot be read."""
    if not is_done(start):
        return None
    try:
        return StartedRun(start, envelope_of(start))
    except InvalidMessageError:
        return None


def _is_unpublished(start: Item, items: Mapping[str, Found]) -> bool:
    """Return whether nobody saw the first message of a run, and its start does not say that it was sent."""
    return start.status is not Status.COMPLETED and not any(items.values())


def _wait(step: str, service: str, cause: Cause, item: Found, since_ms: int) -> Wait:
    if isinstance(item, Item):
        return Wait(step=step, service=service, cause=cause, since_ms=item.updated, reason=item.reason)
    reason = item.unreadable if item is not None else ""
    return Wait(step=step, service=service, cause=cause, since_ms=since_ms, reason=reason)


def _place_of(pipeline: str, run_id: str, found_id: str) -> tuple[str, str] | None:
    """Return step and service of an item of a run, by its id; None for the item of a start, or of another run."""
    own, step, service = (*found_id.partition("#")[0].split("."), "", "")[:3]
    is_of_run = found_id == item_id(f"{own}.{step}.{service}", run_id)
    return (step, service) if own == pipeline and service and is_of_run else None
