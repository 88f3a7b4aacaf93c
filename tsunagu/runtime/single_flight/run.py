"""`Run`: what the business function of a scheduled job sees of one run; and `Continue`, which ends a slice of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tsunagu.contracts.schedules import CHECKPOINT_BYTES
from tsunagu.runtime.errors import InvalidMessageError, PermanentError
from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.json_text import json_text
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.runtime.single_flight.pulse import Pulse

SecondsLeft = Callable[[], float]  # for the work; the time for the commit is left out


class Continue(BaseException):
    """Ends a slice of a run. The next slice goes on with the progress, in an invocation of its own.

    What the slice has collected is committed. It is no failed attempt. Lease, run number and execution stay.

    Args:
        progress: Where to go on: a JSON value, at most 200,000 bytes of UTF-8. The next slice finds it in
            `run.checkpoint`.

    Attributes:
        progress: Where to go on.

    Raises:
        PermanentError: The progress is no JSON value, or is too large. Put larger data elsewhere.
    """

    def __init__(self, progress: object) -> None:
        try:
            size = len(json_text(progress).encode())
        except InvalidMessageError as error:
            msg = f"the progress of a run must be JSON: {error}"
            raise PermanentError(msg) from None
        if size > CHECKPOINT_BYTES:
            msg = f"the progress of a run must have at most {CHECKPOINT_BYTES:,} bytes as JSON, got {size:,}"
            raise PermanentError(msg)
        super().__init__()
        self.progress = progress


class Run(Writes):
    """One run of a job, or one slice of it.

    Its writes and its outbox are committed when the function has returned, or has raised `Continue`; at most 98 writes.
    They are committed only while the run holds the lease of its job.

    Attributes:
        job: Name of the job.
        number: Number of the run: the fencing token. Hand it to other stores, so that they can refuse a late worker.
        slot: Scheduled time of the run, in UTC. Each slot is started once.
        slice: Number of the slice; the first one is 0.
        checkpoint: Progress of the slice before, a JSON value. None for the first slice.
        attempt: Number of this attempt of the slice, from 1.
    """

    def __init__(self, message: Message, job_message: JobMessage, pulse: Pulse, seconds_left: SecondsLeft) -> None:
        super().__init__()
        self.job = job_message.job
        self.number = job_message.run
        self.slot = datetime.fromisoformat(job_message.slot)
        self.slice = job_message.slice
        self.checkpoint: Any = job_message.checkpoint
        self.attempt = message.attempt
        self._message = message
        self._pulse = pulse
        self._seconds_left = seconds_left

    @property
    def outbox(self) -> Outbox:
        """Messages that the run sends, once it is committed."""
        return self._message.outbox

    def raise_if_lost(self) -> None:
        """Return if the run may go on. Call it before each effect outside of the run's own writes.

        Raises:
            LeaseLostError: Another worker may have taken over, or the execution has ended. Stop: nothing that you do
                from now on is committed.
        """
        self._pulse.raise_if_lost()

    def continue_if_due(self, progress: object, *, step_seconds: float) -> None:
        """Return if the next step fits into this invocation; otherwise end the slice.

        Args:
            progress: Where to go on, as for `Continue`.
            step_seconds: Longest time until the next call, in seconds.

        Raises:
            Continue: The next slice goes on.
            LeaseLostError: As `raise_if_lost`.
            PermanentError: As `Continue`.
        """
        self.raise_if_lost()
        if self._seconds_left() < step_seconds:
            raise Continue(progress)
