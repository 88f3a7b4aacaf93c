"""Says what the runs of a pipeline's request mean."""

import shlex
from collections.abc import Iterator
from functools import partial

from tsunagu.contracts.claims import ClaimKeyError, check_id
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.items import Status
from tsunagu.errors import NotFoundError, OperationError
from tsunagu.operations.evidence.model import Advice, Finding, Moment
from tsunagu.operations.evidence.places import StackPlaces, spaces_of
from tsunagu.operations.reader import Reader
from tsunagu.operations.trace import RunTrace, ServiceTrace, trace_deployed
from tsunagu.runtime.pipeline.shape import service_scope


def runs_of(reader: Reader, places: StackPlaces, request_id: str) -> list[Finding]:
    """Return what the runs of a request mean, in the pipelines of a stack.

    Args:
        reader: Reads from AWS.
        places: The stack.
        request_id: Request id of a pipeline; another text has no runs.
    """
    try:
        check_id("the request id", request_id)
    except ClaimKeyError:
        return []
    found = []
    for resource in places.inventory.of_kind(Kind.PIPELINE):
        part = resource.part(Kind.PIPELINE)
        name = part.name if part else resource.logical_id
        call = partial(trace_deployed, reader.aws.functions, reader.aws.dynamodb, resource.physical_id, request_id)
        try:
            traced = reader.read(call, None)
        except NotFoundError:
            continue
        except OperationError as error:  # of another release, or the table did not answer
            found.append(
                Finding(what=f"request of the pipeline {name}", stack_name=places.inventory.name, now=str(error))
            )
            continue
        if traced is not None:
            found += [_finding(places, name, request_id, run) for run in traced.runs]
    return found


def _finding(places: StackPlaces, pipeline: str, request_id: str, run: RunTrace) -> Finding:
    dead = [each for each in run.services if each.status is Status.DEAD]
    waiting = [each for each in run.services if not each.has_sent and each.status is not Status.DEAD]
    now = "done: all services have completed"
    if run.run_id is None:
        now = f"not started: {run.reason or run.status}"
    elif dead:
        now = f"stopped in {', '.join(each.service for each in dead)} of step {dead[0].step}: dead-lettered"
    elif waiting:
        now = f"in step {waiting[0].step}: {waiting[0].service} is {waiting[0].status or 'not reached yet'}"
    return Finding(
        what=f"run {run.run_id or 'without an id'} of the pipeline {pipeline}",
        stack_name=places.inventory.name,
        now=now,
        reason=next((each.reason for each in dead or waiting if each.reason), run.reason),
        ended=run.is_done,
        moments=[*_moments(pipeline, run)],
        advice=[*_advice(places, pipeline, request_id, run)],
        details={"request_id": request_id, "run_id": run.run_id, "from_step": run.from_step},
    )


def _moments(pipeline: str, run: RunTrace) -> Iterator[Moment]:
    yield Moment(
        time_ms=run.started_ms, where=pipeline, what=f"started{f' from {run.from_step}' if run.from_step else ''}"
    )
    for each in run.services:
        if each.updated_ms is not None:
            reason = f": {each.reason}" if each.reason and not each.has_sent else ""  # else of an attempt before
            failed = f", {each.attempts} failed" if each.attempts else ""
            what = f"{each.status} (claim {each.claims}{failed}){reason}"
            yield Moment(time_ms=each.updated_ms, where=f"{each.step}/{each.service}", what=what)


def _advice(places: StackPlaces, pipeline: str, request_id: str, run: RunTrace) -> Iterator[Advice]:
    place = f"--stack {shlex.quote(places.inventory.name)}"
    yield Advice(what="see all its runs", command=f"tsunagu trace {request_id} {place}")
    dead = next((each for each in run.services if each.status is Status.DEAD), None)
    if dead is not None:
        letters = f"tsunagu dlq list {shlex.quote(_queue_name(places, pipeline, dead))} {place}"
        yield Advice(what="see the dead letter, which can be sent back", command=letters)
        replay = f"tsunagu replay {request_id} --from {dead.step} --only {dead.service} {place}"
        yield Advice(what="or work again, in a new run", command=replay)


def _queue_name(places: StackPlaces, pipeline: str, service: ServiceTrace) -> str:
    """Return what operators call the queue of a service; its own name where the queue is not known."""
    space = service_scope(pipeline, service.step, service.service)
    receiver = next((each for each in places.receivers if space in {*spaces_of(each)}), None)
    queue = places.queue_of(receiver) if receiver else None
    return queue.name if queue else service.service
