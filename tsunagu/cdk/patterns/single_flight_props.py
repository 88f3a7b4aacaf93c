"""Settings of a scheduled job, and the numbers that follow from them."""

from dataclasses import dataclass, field
from typing import Annotated

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler

from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.function_alarms import ALL_ALARMS, FunctionAlarms
from tsunagu.cdk.constructs.function_watch import LONGEST_PAUSE
from tsunagu.cdk.constructs.handler_function import HandlerSettings
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.key_access import CustomerKey
from tsunagu.cdk.constructs.key_spaces import KeySpaceName
from tsunagu.cdk.constructs.queue_channel import QueueChannelProps
from tsunagu.cdk.constructs.ranges import (
    DAY_SECONDS,
    FUNCTION_TIMEOUT_SECONDS,
    IdempotencyWindow,
    MetricsNamespace,
    check_seconds,
)
from tsunagu.cdk.patterns.idempotent_receiver import LEAST_LEASE_SECONDS
from tsunagu.cdk.patterns.job_alarm_rules import JobAlarmRules
from tsunagu.cdk.patterns.receiver_settings import MaxAttempts
from tsunagu.cdk.patterns.single_flight_definition import RunLimits
from tsunagu.cdk.props import Between, CheckedProps, Seconds
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.errors import InvalidPropsError

HANDLER_SECONDS = range(LEAST_LEASE_SECONDS, FUNCTION_TIMEOUT_SECONDS[-1] + 1)
RUN_SECONDS = range(60, 3 * DAY_SECONDS + 1)  # the queue keeps a message for 4 days
TICK_RETRIES = range(186)
TICK_AGE_SECONDS = range(60, DAY_SECONDS + 1)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
ALARM_SECONDS = range(60, 7 * DAY_SECONDS + 1)

# A run calls a few services before and after its wait: `single_flight_definition` limits tries and retries to less.
MACHINE_SLACK_SECONDS = 300
RELEASE_SECONDS = 120  # of the machine that releases the lease of an execution that ended without doing so
HEARTBEAT_SLACK_SECONDS = 60  # clocks differ, and a function starts cold

_DEFAULT_LEASE = Duration.seconds(30)
_DEFAULT_RUN = Duration.hours(6)
_DEFAULT_TICK_AGE = Duration.minutes(5)
_DEFAULT_SUCCESS_ALARM = Duration.days(1)


class WholePeriods:
    """The rule of a time that an alarm looks back: a whole number of minutes, or above a day of hours."""

    def check(self, name: str, value: Duration) -> None:
        """Refuse a duration that is no whole number of the periods of an alarm.

        Raises:
            InvalidPropsError: It is none, or out of range.
        """
        Seconds(ALARM_SECONDS).check(name, value)
        seconds = int(value.to_seconds())
        unit = 60 if seconds <= DAY_SECONDS else 3_600
        if seconds % unit:
            words = "minutes" if unit == 60 else "hours"  # noqa: PLR2004 - a minute
            msg = f"{name} must be a whole number of {words}, got {seconds:,} seconds"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRoles(CheckedProps):
    """Roles of a scheduled job, besides that of its function. Each gets the permissions that it needs.

    A role that takes no policies must have them already; synthesis lists what no resource can allow.

    Attributes:
        machine: Role of the state machine that a tick starts. Default: a new one.
        release_machine: Role of the state machine that releases the lease. Default: a new one.
        schedule: Role by which EventBridge Scheduler starts the machine. Default: a new one.
        rule: Role by which EventBridge starts the release. Default: a new one.
    """

    machine: iam.IRole | None = None
    release_machine: iam.IRole | None = None
    schedule: iam.IRole | None = None
    rule: iam.IRole | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleFlightScheduleProps(HandlerSettings):
    """Settings of a scheduled job: those of `HandlerSettings` for its worker, and how it runs.

    Attributes:
        job: Name of the job, as `scheduled_job` of the handler has it: 1 to 64 letters, digits, hyphens and
            underscores. Each job of a table has another name.
        schedule: When it runs: a rate or a cron expression, in a time zone.
        handler_timeout: Longest that one invocation of the worker may take, 5 to 900 seconds. A run may take longer, in
            slices.
        enabled: Whether the schedule starts runs. Default: it does.
        longest_run: Longest time from the message of a run to its outcome, with all slices, attempts and pauses, 1
            minute to 3 days. It must be longer than the longest time without a heartbeat. Default: 6 hours.
        lease: How long a worker that was killed holds its message, 5 seconds to `handler_timeout`. Default: 30 seconds,
            or `handler_timeout` if that is shorter.
        max_attempts: Attempts of a slice after which its message is dead-lettered, 1 to 100. Default: 5.
        table: Table of the lease and of the idempotency items. Default: a new table.
        dead_letter_notifier: Notifies operators of dead letters and of runs that failed. Default: a new one.
        queue_key: Customer-managed key of the queue of the runs. Default: SQS's own key (SSE-SQS).
        idempotency_window: How long an item is kept after its last change. Default, and least: as for
            `IdempotentReceiver`.
        metrics_namespace: CloudWatch namespace of the worker's metrics. Default: `Tsunagu`.
        single_writes: Write items one by one, for accounts that do not allow PartiQL. Default: in batches.
        log_tracebacks: Whether a log line of an error has its traceback, without values. Default: it has not.
        publish_error_text: Whether dead letters, notifications and the outcome of a run have the texts of all errors.
            Default: as for `IdempotentReceiver`.
        alarms: Alarms on the function of the worker, as in `ReceiverSettings`. Default: all of them.
        job_alarms: Alarms on its executions, and when they are raised. Default: all of them.
        roles: Roles of its machines, its schedule and its rule; `role` is that of the worker's function. Default: new
            ones.
        tick_retries: How often the scheduler tries a tick again that it could not start, 0 to 185. Default: 3.
        tick_age: How long it tries, 1 minute to a day. A tick that is later than the next one starts nothing. Default:
            5 minutes.
        success_alarm_after: Time without a success after which an alarm is raised, 1 minute to 7 days. Default: a day.
        run_alarm_after: An execution that took longer raises an alarm. Default: half of `longest_run`.

    Raises:
        InvalidPropsError: A number is out of range, or two settings exclude each other.
    """

    job: KeySpaceName
    schedule: scheduler.ScheduleExpression
    handler_timeout: Annotated[Duration, Seconds(HANDLER_SECONDS)]
    enabled: bool = True
    longest_run: Annotated[Duration, Seconds(RUN_SECONDS)] = _DEFAULT_RUN
    lease: Duration | None = None
    max_attempts: MaxAttempts = 5
    table: IdempotencyTable | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    queue_key: CustomerKey | None = None
    idempotency_window: IdempotencyWindow | None = None
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    single_writes: bool = False
    log_tracebacks: bool = False
    publish_error_text: bool = False
    alarms: FunctionAlarms | None = ALL_ALARMS
    job_alarms: JobAlarmRules = field(default_factory=JobAlarmRules)
    roles: JobRoles = field(default_factory=JobRoles)
    tick_retries: Annotated[int, Between(TICK_RETRIES)] = 3
    tick_age: Annotated[Duration, Seconds(TICK_AGE_SECONDS)] = _DEFAULT_TICK_AGE
    success_alarm_after: Annotated[Duration, WholePeriods()] = _DEFAULT_SUCCESS_ALARM
    run_alarm_after: Duration | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        HandlerSettings.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        timeout = int(self.handler_timeout.to_seconds())
        if self.lease is not None:
            check_seconds("lease", self.lease, range(LEAST_LEASE_SECONDS, timeout + 1))
        if self.run_alarm_after is not None:
            check_seconds("run_alarm_after", self.run_alarm_after, range(1, self.limits.run_seconds + 1))
        self._check_heartbeat()

    def _check_heartbeat(self) -> None:
        limits = self.limits
        if limits.run_seconds <= limits.heartbeat_seconds:
            msg = (
                f"longest_run must be longer than the {limits.heartbeat_seconds:,} seconds that a message can wait "
                f"without a heartbeat after a kill, got {limits.run_seconds:,}: raise it, or lower handler_timeout"
            )
            raise InvalidPropsError(msg)

    @property
    def channel_props(self) -> QueueChannelProps:
        """Settings of the queue of the runs."""
        return QueueChannelProps(
            handler_timeout=self.handler_timeout, fifo=True, key=self.queue_key, protect=self.protect
        )

    @property
    def worker_lease(self) -> Duration:
        """How long a worker that was killed holds its message."""
        if self.lease is not None:
            return self.lease
        return Duration.seconds(min(_DEFAULT_LEASE.to_seconds(), self.handler_timeout.to_seconds()))

    @property
    def limits(self) -> RunLimits:
        """Limits of a run.

        Without a heartbeat a message waits at most for the visibility time-out of a worker that was killed before its
        first heartbeat, or for the longest pause before another attempt; and before that for the lease of a stale
        message of the same group.
        """
        hidden = max(self.channel_props.visibility_timeout.to_seconds(), LONGEST_PAUSE.to_seconds())
        run = int(self.longest_run.to_seconds())
        return RunLimits(
            heartbeat_seconds=int(hidden + self.worker_lease.to_seconds()) + HEARTBEAT_SLACK_SECONDS,
            run_seconds=run,
            machine_seconds=run + MACHINE_SLACK_SECONDS,
            lease_seconds=run + MACHINE_SLACK_SECONDS + RELEASE_SECONDS,
        )

    @property
    def longest_block(self) -> Duration:
        """Longest time for which one run can block the job, whatever fails: then its lease ends by itself."""
        return Duration.seconds(self.limits.lease_seconds)
