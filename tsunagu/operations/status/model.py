"""How a stack is at a moment. What the caller may not read, or AWS does not know, is None: "unknown"."""

from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.operations.dead_letter_origins import Origin
from tsunagu.operations.denials import Denial
from tsunagu.operations.deployed_functions import Consumer
from tsunagu.operations.deployed_queues import Depth
from tsunagu.runtime.single_flight.job_lease import JobLease


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a person must look at.

    Attributes:
        what: What it is, in a sentence.
        command: A command that helps, ready to paste; "" where only reading helps.
    """

    what: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerStatus:
    """A function that consumes a queue.

    Attributes:
        function: What operators call the function: its label in the stack, or its name elsewhere.
        mapping: Its event source mapping.
        reserved_concurrency: Reserved concurrency of the function; None without one. 0 stops it.
    """

    function: str
    mapping: Consumer
    reserved_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue that is no dead-letter queue.

    Attributes:
        name: What operators call it.
        url: Its URL.
        depth: What it holds.
        oldest_seconds: Age of its oldest message, as CloudWatch has it from the last minutes; 0 for an empty queue.
        dead_letters: Messages in its dead-letter queue; 0 for a queue without one.
        has_dead_letter_queue: Whether it has one.
        consumers: Who consumes it.
    """

    name: str
    url: str
    depth: Depth | None
    oldest_seconds: float | None
    dead_letters: int | None
    has_dead_letter_queue: bool
    consumers: Sequence[ConsumerStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterStatus:
    """A dead-letter queue.

    Attributes:
        name: What operators call it.
        url: Its URL.
        count: Messages in it: waiting, in flight and delayed.
        origins: Whose dead letters they are.
    """

    name: str
    url: str
    count: int | None
    origins: Sequence[Origin]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStatus:
    """A schedule, or a rule with a schedule.

    Attributes:
        name: What operators call it.
        state: `ENABLED` or `DISABLED`; None where it may not be read.
        expression: When it ticks.
        is_stopped: Whether it is disabled, although the template has it enabled.
    """

    name: str
    state: str | None
    expression: str = ""
    is_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A scheduled job.

    Attributes:
        name: Its name.
        lease: Its lease; None where it never ran, or where it may not be read.
        last_execution: ARN of the newest execution of its state machine; "" without one.
        last_state: How that execution is: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`; "" without one.
        is_left_behind: Whether the lease is held by an execution that does not run any more.
    """

    name: str
    lease: JobLease | None = None
    last_execution: str = ""
    last_state: str = ""
    is_left_behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsStatus:
    """Accepted requests that have not ended, or HTTP requests whose messages are not sent.

    Attributes:
        name: Name of the API; for a web application, of its sweeper.
        open: How many are open; None where this may not be read.
        has_more: Whether there are more than that.
        overdue: Those that the sweeper should have looked at minutes ago.
        log_group: Log group of the sweeper.
    """

    name: str
    open: int | None
    has_more: bool = False
    overdue: int = 0
    log_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStatus:
    """A pipeline.

    Attributes:
        name: Its name.
        unfinished: Runs that are not done; None where this may not be read, or where it does not mark its runs.
        has_more: Whether there are more than that.
        left_behind: Those that were started more than an hour ago.
    """

    name: str
    unfinished: int | None
    has_more: bool = False
    left_behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmStatus:
    """An alarm in the state ALARM.

    Attributes:
        name: What operators call it: its construct path.
        alarm_name: Its name in CloudWatch.
        reason: Why, as CloudWatch says.
        since_ms: Since when, in milliseconds since the epoch.
        is_of_new_stack: Whether it is raised only because the stack is new: it takes silence for a fault, and looks
            back further than the stack exists.
    """

    name: str
    alarm_name: str
    reason: str
    since_ms: int
    is_of_new_stack: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """How a stack is.

    Attributes:
        name: The stack.
        queues: Its queues, without dead-letter queues.
        dead_letter_queues: Its dead-letter queues.
        schedules: Its schedules.
        jobs: Its scheduled jobs.
        pipelines: Its pipelines.
        requests: Its request APIs and web applications.
        alarms: Alarms that are raised; None where this may not be read.
        alarm_count: How many alarms it has.
        denied: What the caller may not read.
        needs: What a person must look at.
    """

    name: str
    queues: Sequence[QueueStatus]
    dead_letter_queues: Sequence[DeadLetterStatus]
    schedules: Sequence[ScheduleStatus]
    jobs: Sequence[JobStatus]
    pipelines: Sequence[PipelineStatus]
    requests: Sequence[RequestsStatus]
    alarms: Sequence[AlarmStatus] | None
    alarm_count: int
    denied: Sequence[Denial]
    needs: Sequence[Need] = ()
