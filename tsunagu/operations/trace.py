"""Where a request is: its runs and steps in order, with times, attempts, outcomes, and where the data lies."""

from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.contracts.items import Status
from tsunagu.runtime.claim_check import Part, part_from_json
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.journal import Journal, Start, is_done, result_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTrace:
    """How far one service came with one run.

    Attributes:
        step: Name of the step.
        service: Name of the service.
        status: State of its record; None when it has none, because the message did not arrive yet.
        claims: Times that a worker took the run up: 1 when all went well.
        attempts: Attempts that failed so far; while COMMITTED, rounds in which its message was not sent.
        updated_ms: When the record changed last, in milliseconds since the epoch; None without a record.
        reason: Last error, or why it died; empty when there is none.
        result: Its result, or where that lies; None until it is done.
        is_of_base: Whether the record is of the base run, because the replay asked another service only.
    """

    step: str
    service: str
    status: Status | None
    claims: int = 0
    attempts: int = 0
    updated_ms: int | None = None
    reason: str = ""
    result: Part | None = None
    is_of_base: bool = False

    @property
    def has_sent(self) -> bool:
        """Whether it is done, and its message to the next step sent; in a base run's record, whether it is done."""
        return self.status is Status.COMPLETED or (self.is_of_base and self.status is Status.COMMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrace:
    """One run of a request.

    Attributes:
        run_id: The run; None when it was not published, or not yet.
        status: State of the record of its start: COMPLETED once it is published.
        started_ms: When it was started, in milliseconds since the epoch.
        reason: Why it was not published; empty when there is nothing to say.
        from_step: The step that it began with; None without a run.
        only: The one service that was asked; None for all.
        base_run_id: The run whose results stand for the others, with `only`.
        request: The request, or where it lies; None without a run.
        services: The services of the steps that it goes through, in order.
    """

    run_id: str | None
    status: Status
    started_ms: int
    reason: str = ""
    from_step: str | None = None
    only: str | None = None
    base_run_id: str | None = None
    request: Part | None = None
    services: Sequence[ServiceTrace] = ()

    @property
    def is_done(self) -> bool:
        """Whether every service is done and every message of it sent: the end was published."""
        return bool(self.services) and all(each.has_sent for each in self.services)


def trace(journal: Journal, request_id: str) -> list[RunTrace]:
    """Return the runs of a request, oldest first; none when none is recorded, or not in the index yet.

    Raises:
        UnavailableError: The store did not answer.
    """
    return [_run(journal, start) for start in journal.starts(request_id)]


def _run(journal: Journal, start: Start) -> RunTrace:
    item, envelope = start.item, start.envelope
    if envelope is None:
        return RunTrace(run_id=None, status=item.status, started_ms=start.started_ms, reason=start.reason)
    return RunTrace(
        run_id=envelope.run_id,
        status=item.status,
        started_ms=start.started_ms,
        reason=item.reason,
        from_step=envelope.step,
        only=envelope.only,
        base_run_id=envelope.base_run_id,
        request=envelope.request,
        services=[
            _service(envelope, step.name, service, item)
            for step in journal.pipeline.steps_from(envelope.step)
            for service, item in journal.services(envelope, step).items()
        ],
    )


def _service(run: Envelope, step: str, service: str, item: Item | None) -> ServiceTrace:
    is_of_base = run.step == step and run.only not in {None, service}
    if item is None:
        return ServiceTrace(step=step, service=service, status=None, is_of_base=is_of_base)
    return ServiceTrace(
        step=step,
        service=service,
        status=item.status,
        claims=item.fence,
        attempts=item.attempts,
        updated_ms=item.updated,
        reason=item.reason,
        result=part_from_json(f"the result of {service}", result_of(item)) if is_done(item) else None,
        is_of_base=is_of_base,
    )
