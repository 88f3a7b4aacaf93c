"""The shape of a pipeline: its steps and services, and the ids of the items that its runs write."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tsunagu.contracts.claims import check_name
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.pipeline.errors import UnknownStepError


@dataclass(frozen=True, slots=True)
class PipelineStep:
    """One step of a pipeline.

    Attributes:
        name: Its name.
        services: Names of its services, which work in parallel.
        topic_arn: Topic that its services are subscribed to.
    """

    name: str
    services: tuple[str, ...]
    topic_arn: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps of a pipeline.

    Attributes:
        name: Its name.
        steps: Its steps, in order.
    """

    name: str
    steps: tuple[PipelineStep, ...]

    @classmethod
    def from_text(cls, name: str, steps: str) -> Self:
        """Read the steps from the text of `PreprocessorEnvironment.steps`.

        Raises:
            ClaimKeyError: A name is malformed.
        """
        return cls(
            check_name("pipeline", name),
            tuple(
                PipelineStep(
                    check_name("step", step["name"]),
                    tuple(check_name("service", service) for service in step["services"]),
                    step["topic_arn"],
                )
                for step in json.loads(steps)
            ),
        )

    def position(self, step_name: object) -> int:
        """Return the position of a step, from 0.

        Raises:
            UnknownStepError: There is no such step.
        """
        names = [step.name for step in self.steps]
        if step_name not in names:
            msg = f"the step must be one of {names}, got another"
            raise UnknownStepError(msg)
        return names.index(str(step_name))

    def step(self, step_name: object) -> PipelineStep:
        """Return a step.

        Raises:
            UnknownStepError: There is no such step.
        """
        return self.steps[self.position(step_name)]

    def steps_from(self, step_name: str) -> tuple[PipelineStep, ...]:
        """Return a step and the steps after it; empty if the pipeline does not have the step any more."""
        names = [step.name for step in self.steps]
        return self.steps[names.index(step_name) :] if step_name in names else ()

    def before(self, step_name: str) -> PipelineStep | None:
        """Return the step before a step; None for the first one.

        Raises:
            UnknownStepError: There is no such step.
        """
        position = self.position(step_name)
        return self.steps[position - 1] if position else None


def start_scope(pipeline: str) -> str:
    """Return the scope of the items of starts and replays."""
    return f"{pipeline}.start"


def start_key(*, idempotency_key: str | None, run_id: str) -> str:
    """Return the business key of a start: its idempotency key if it has one, else its run id."""
    return f"run:{run_id}" if idempotency_key is None else f"key:{idempotency_key}"


def service_scope(pipeline: str, step: str, service: str) -> str:
    """Return the scope of a service's items. Their business key is the run id."""
    return f"{pipeline}.{step}.{service}"


def service_item_ids(
    pipeline: str,
    step: str,
    services: Iterable[str],
    *,
    run_id: str,
    only: str | None = None,
    base_run_id: str | None = None,
) -> dict[str, str]:
    """Return the ids of the items of a step's services, by service name.

    Args:
        pipeline: Name of the pipeline.
        step: Name of the step.
        services: Names of its services.
        run_id: The run.
        only: The only service that works in the run. Default: all services work.
        base_run_id: With `only`: the run that has the items of the other services.
    """
    runs = {service: run_id if only in {None, service} else base_run_id or run_id for service in services}
    return {service: item_id(service_scope(pipeline, step, service), run) for service, run in runs.items()}
