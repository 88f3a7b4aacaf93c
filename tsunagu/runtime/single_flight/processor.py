"""The processor of runs: runs the business function while its run holds the lease of the job, and commits the end.

1. It reads the job item. A message whose run does not hold the lease is stale: it is acknowledged, without work. So is
   one whose execution does not wait any more.
2. A thread extends the lease of the message, hides the message, and sends heartbeats for the task, while the business
   function works.
3. One transaction commits the writes of the run, its outcome or its next slice, and the completion of the message. It
   checks the lease of the job. So a run that has lost its lease commits nothing, whenever it lost it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress

from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import (
    ConditionFailedError,
    InvalidMessageError,
    LeaseLostError,
    PermanentError,
    TaskLostError,
    UnavailableError,
    refuse_unfinished,
)
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.batch import ANSWER_SHARE
from tsunagu.runtime.receiving.heartbeats import Tasks
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.single_flight.job_lease import JobLeases, lease_check
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.runtime.single_flight.pulse import BEATS_PER_LEASE, Pulse, StartTicker
from tsunagu.runtime.single_flight.run import Continue, Run
from tsunagu.runtime.telemetry import Metrics

_logger = logging.getLogger(__name__)


class RunProcessor:
    """Processes the messages of one job.

    Args:
        job: Name of the job.
        function: The business function.
        leases: Reads the lease of the job.
        tasks: Takes heartbeats.
        metrics: Counts stale messages.
        clock: The time.
        start_ticker: Starts the thread of the heartbeats.
        table_name: Table of the job item.
        queue_url: Where the next slice is sent.
        lease_seconds: Length of the lease of a message.
        function_timeout_seconds: Time-out of the function.

    Attributes:
        deadline_ms: When Lambda ends the invocation, in milliseconds since the epoch. Set it before each.
    """

    def __init__(
        self,
        job: str,
        function: Callable[[Run], object],
        *,
        leases: JobLeases,
        tasks: Tasks,
        metrics: Metrics,
        clock: Clock,
        start_ticker: StartTicker,
        table_name: str,
        queue_url: str,
        lease_seconds: int,
        function_timeout_seconds: int,
    ) -> None:
        self._job = job
        self._function = function
        self._leases = leases
        self._tasks = tasks
        self._metrics = metrics
        self._clock = clock
        self._start_ticker = start_ticker
        self._table_name = table_name
        self._queue_url = queue_url
        self._lease_seconds = lease_seconds
        self._answer_ms = function_timeout_seconds * 1_000 * ANSWER_SHARE
        self.deadline_ms = 0

    def parse(self, body: JsonObject) -> JobMessage:
        """Read the message of a run.

        Raises:
            InvalidMessageError: It is none, or one of another job.
        """
        job_message = JobMessage.from_json(body)
        if job_message.job != self._job:
            msg = f"job must be {self._job}, got another name"
            raise InvalidMessageError(msg)
        return job_message

    def process(self, job_message: JobMessage, message: Message) -> None:
        """Run the job, or a slice of it.

        Raises:
            LeaseLostError: The run has lost its lease; nothing was committed.
            Exception: What the business function raised.
        """
        if not self._holds(job_message):
            self._skip(job_message, "run without the lease of its job skipped")
            return
        pulse = Pulse(
            message.heartbeat,
            lambda: self._report(job_message),
            clock=self._clock,
            lease_seconds=self._lease_seconds,
            deadline_ms=self.deadline_ms,
        )
        try:
            pulse.begin()
        except TaskLostError:
            self._skip(job_message, "run that no execution waits for skipped")
            return
        run = Run(message, job_message, pulse, self._seconds_left)
        end = self._run(run, pulse)
        pulse.raise_if_lost()
        self._commit(job_message, message, run, end)

    def _run(self, run: Run, pulse: Pulse) -> object:
        """Call the business function, while a thread beats. Return its outcome, or the end of the slice."""
        ticker = self._start_ticker(pulse.tick, self._lease_seconds / BEATS_PER_LEASE)
        try:
            outcome = self._function(run)
            refuse_unfinished("the business function", outcome)
        except Continue as end:
            return end
        finally:
            ticker.stop()  # before the commit, so that no heartbeat is in its way
        return outcome

    def _commit(self, job_message: JobMessage, message: Message, run: Run, end: object) -> None:
        if isinstance(end, Continue):
            message.result = job_message.next_slice(end.progress).to_json()
            message.outbox.send(self._queue_url, None, group_id=job_message.job)
        else:
            _succeed(message, job_message.task_token, end)
        try:
            with message.transaction() as transaction:
                transaction.extend(run)
                check = lease_check(job_message.job, job_message.execution, job_message.run)
                transaction.check(self._table_name, check.key, check.condition, names=check.names, values=check.values)
        except ConditionFailedError as error:
            if self._holds(job_message):  # so it was a condition of the business function
                raise
            msg = "the run has lost the lease of its job"
            raise LeaseLostError(msg) from error

    def _report(self, job_message: JobMessage) -> None:
        """Find out whether the run still holds the lease of its job, and send a heartbeat for its task."""
        with suppress(UnavailableError):  # the commit finds it out for certain
            if not self._holds(job_message):
                msg = "the run has lost the lease of its job"
                raise LeaseLostError(msg)
        self._tasks.heartbeat(job_message.task_token)

    def _holds(self, job_message: JobMessage) -> bool:
        lease = self._leases.read(job_message.job)
        return lease is not None and lease.is_of(job_message.execution, job_message.run)

    def _skip(self, job_message: JobMessage, event: str) -> None:
        self._metrics.count(Metric.STALE_RUNS_SKIPPED)
        _logger.warning(event, extra={LogKey.JOB: job_message.job, LogKey.RUN: job_message.run})

    def _seconds_left(self) -> float:
        return (self.deadline_ms - self._answer_ms - self._clock.now_ms()) / 1_000


def _succeed(message: Message, task_token: str, outcome: object) -> None:
    try:
        message.outbox.succeed_task(task_token, outcome)
    except ValueError as error:  # no further attempt returns another one
        msg = f"the outcome of a run must be JSON that Step Functions takes: {error}"
        raise PermanentError(msg) from error
