"""The message of a run, or of a slice of it."""

from dataclasses import dataclass, replace
from typing import Any, Self

from tsunagu.contracts import schedules
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import JsonObject, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMessage:
    """Asks a worker to run a job.

    Attributes:
        job: Name of the job.
        run: Number of the run, from 1.
        slot: Scheduled time of the run, such as `2026-11-28T14:00:00Z`.
        execution: ARN of the execution that holds the lease, and waits.
        task_token: Token of the task that waits for the outcome.
        slice: Number of the slice; the first one is 0.
        checkpoint: JSON value that the slice before left. None for the first slice.
    """

    job: str
    run: int
    slot: str
    execution: str
    task_token: str
    slice: int
    checkpoint: Any

    @classmethod
    def from_json(cls, body: JsonObject) -> Self:
        """Read a message.

        Raises:
            InvalidMessageError: A field is missing, or of a wrong form.
        """
        slot = _text(body, schedules.SLOT_FIELD)
        if not schedules.SLOT_PATTERN.fullmatch(slot):
            msg = "slot must be a time such as 2026-11-28T14:00:00Z, got text of another form"
            raise InvalidMessageError(msg)
        return cls(
            job=_text(body, schedules.JOB_FIELD),
            run=_number(body, schedules.RUN_FIELD, least=1),
            slot=slot,
            execution=_text(body, schedules.EXECUTION_FIELD),
            task_token=_text(body, schedules.TASK_TOKEN_FIELD),
            slice=_number(body, schedules.SLICE_FIELD, least=0),
            checkpoint=body.get(schedules.CHECKPOINT_FIELD),
        )

    @property
    def key(self) -> str:
        """Business key of the slice."""
        return schedules.slice_key(self.job, self.run, self.slice)

    def next_slice(self, checkpoint: object) -> "JobMessage":
        """Return the message of the slice behind this one."""
        return replace(self, slice=self.slice + 1, checkpoint=checkpoint)

    def to_json(self) -> str:
        """Return the text of the message."""
        return json_text(
            {
                schedules.JOB_FIELD: self.job,
                schedules.RUN_FIELD: self.run,
                schedules.SLOT_FIELD: self.slot,
                schedules.EXECUTION_FIELD: self.execution,
                schedules.TASK_TOKEN_FIELD: self.task_token,
                schedules.SLICE_FIELD: self.slice,
                schedules.CHECKPOINT_FIELD: self.checkpoint,
            }
        )


def _text(body: JsonObject, field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        msg = f"{field} must be text that is not empty, got {type(value).__name__}"
        raise InvalidMessageError(msg)
    return value


def _number(body: JsonObject, field: str, *, least: int) -> int:
    value = body.get(field)
    if type(value) is not int or value < least:
        msg = f"{field} must be a whole number from {least}, got {type(value).__name__}"
        raise InvalidMessageError(msg)
    return value
