"""Finds the input of a replay in earlier runs of the request: the input of a step, and other services' results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsunagu.runtime.claim_check import Part
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.errors import NoStoredInputError, UnknownRequestError
from tsunagu.runtime.pipeline.journal import Journal, is_done
from tsunagu.runtime.pipeline.shape import PipelineStep


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInput:
    """The input of a step, from an earlier run.

    Attributes:
        request: The request.
        results: Results of the services of the step before, by service name.
        base_run_id: If the replay asks only one service: the run that has the results of the others. Else None.
    """

    request: Part
    results: Mapping[str, Part]
    base_run_id: str | None


def runs_of(journal: Journal, request_id: str) -> list[Envelope]:
    """Return the first envelope of each run of a request, newest run first.

    Raises:
        UnknownRequestError: No run of the request is stored.
        UnavailableError: The store did not answer.
    """
    runs = [start.envelope for start in journal.starts(request_id) if start.envelope is not None]
    if not runs:
        msg = f"the request must be one of {journal.pipeline.name}, got {request_id}, of which no run is recorded"
        raise UnknownRequestError(msg)
    return runs[::-1]


def stored_input(journal: Journal, runs: Sequence[Envelope], step: PipelineStep, only: str | None) -> StoredInput:
    """Return the input of a step from the newest run that has it.

    Args:
        journal: The journal of the pipeline.
        runs: The runs of a request, newest first.
        step: The step that is to be run again.
        only: The only service of the step that is to work. The run must have the results of the others. None: all
            services work.

    Raises:
        NoStoredInputError: No run has the input.
        UnavailableError: The store did not answer.
    """
    for run in runs:
        base = None if only is None else _base_run_id(journal, run, step, only)
        parts = _input(journal, run, step) if only is None or base is not None else None
        if parts is not None:
            return StoredInput(request=parts[0], results=parts[1], base_run_id=base)
    beside = f" and the results of the services beside {only}" if only else ""
    msg = f"a run must have the input of {step.name}{beside}, got {len(runs)} without"
    raise NoStoredInputError(msg)


def base_run_id(journal: Journal, runs: Sequence[Envelope], step: PipelineStep, only: str) -> str:
    """Return the id of the newest run that has the results of a step's services other than `only`.

    Raises:
        NoStoredInputError: No run has them.
        UnavailableError: The store did not answer.
    """
    for run in runs:
        base = _base_run_id(journal, run, step, only)
        if base is not None:
            return base
    msg = f"a run must have the results of the services of {step.name} beside {only}, got {len(runs)} without"
    raise NoStoredInputError(msg)


def _base_run_id(journal: Journal, run: Envelope, step: PipelineStep, only: str) -> str | None:
    if run.step == step.name and run.only is not None:
        # An envelope can name one base run only. If this run asked another service, its results come from two runs.
        return run.base_run_id if run.only == only else None
    siblings = [item for service, item in journal.services(run, step).items() if service != only]
    return run.run_id if all(is_done(item) for item in siblings) else None


def _input(journal: Journal, run: Envelope, step: PipelineStep) -> tuple[Part, Mapping[str, Part]] | None:
    if run.step == step.name:
        return run.request, run.results
    before = journal.pipeline.before(step.name)
    results = None if before is None else journal.results(run, before)
    return None if results is None else (run.request, results)
