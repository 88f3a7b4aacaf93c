"""Metrics and alarms of a scheduled job."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.function_alarms import AlarmRule
from tsunagu.cdk.constructs.native_state_machine import NativeStateMachine, state_entered
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.patterns.single_flight_definition import SKIPPED, SUCCEEDED

if TYPE_CHECKING:
    from aws_cdk import aws_sqs as sqs

    from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
    from tsunagu.cdk.patterns.single_flight_props import SingleFlightScheduleProps

RUNS_SKIPPED, RUNS_SUCCEEDED = "RunsSkipped", "RunsSucceeded"
_PERIOD = Duration.minutes(1)
_SUM: Mapping[str, Any] = {"period": _PERIOD, "statistic": "Sum"}
_MISSING_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD


class JobMetrics(CheckedConstruct):
    """Count skipped ticks and successes of a job, by the log lines of its state machine.

    Step Functions counts both as executions that succeeded. The metrics are in a namespace of the machine's own name,
    because the metric of a log line can have no constant dimension.

    Attributes:
        namespace: CloudWatch namespace of the metrics.
    """

    def __init__(self, scope: Construct, construct_id: str, machine: NativeStateMachine, *, namespace: str) -> None:
        super().__init__(scope, construct_id)
        self.namespace = f"{namespace}/{machine.machine.state_machine_name}"
        self._count(machine, RUNS_SKIPPED, SKIPPED)
        self._count(machine, RUNS_SUCCEEDED, SUCCEEDED)

    def metric(self, name: str, **options: Any) -> cloudwatch.Metric:
        """Return one of the metrics; `options` are those of a CloudWatch metric. Default: sums of a minute."""
        settings = {**_SUM, **options}
        return cloudwatch.Metric(namespace=self.namespace, metric_name=name, **settings)

    def _count(self, machine: NativeStateMachine, name: str, state: str) -> None:
        logs.MetricFilter(
            self,
            name,
            log_group=machine.log_group,
            filter_pattern=state_entered(state, kind="Succeed"),
            metric_namespace=self.namespace,
            metric_name=name,
            metric_value="1",
        )


class JobAlarms(CheckedConstruct):
    """Tell operators when a job fails, takes too long, has no success, or cannot be started.

    An alarm that the rules leave out is None.

    Attributes:
        run_failed: An execution failed.
        run_timed_out: An execution timed out.
        run_aborted: An execution was aborted.
        run_too_long: An execution took longer than stated.
        no_success: No run succeeded for the stated time. None while the schedule is not enabled.
        lease_not_released: The lease of an ended execution was not released; it ends by itself.
        not_started: The dead-letter queue has a tick, or an end of an execution, that started no machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        props: "SingleFlightScheduleProps",
        *,
        notifier: "DeadLetterNotifier",
        machine: NativeStateMachine,
        release_machine: NativeStateMachine,
        undelivered: "sqs.IQueue",
        metrics: JobMetrics,
    ) -> None:
        super().__init__(scope, construct_id)
        self._notifier = notifier
        self._props = props
        self._rules = rules = props.job_alarms
        job = props.job
        self.run_failed = self._ruled(
            "RunFailed",
            f"An execution of the job {job} failed.",
            machine.machine.metric_failed(**_SUM),
            rules.run_failed,
        )
        self.run_timed_out = self._ruled(
            "RunTimedOut",
            f"An execution of the job {job} timed out.",
            machine.machine.metric_timed_out(**_SUM),
            rules.run_timed_out,
        )
        self.run_aborted = self._ruled(
            "RunAborted",
            f"An execution of the job {job} was aborted.",
            machine.machine.metric_aborted(**_SUM),
            rules.run_aborted,
        )
        self.run_too_long = self._too_long(machine) if rules.run_too_long else None
        self.lease_not_released = self._ruled(
            "LeaseNotReleased",
            f"The lease of the job {job} was not released after an abort. It ends by itself.",
            release_machine.machine.metric_failed(**_SUM),
            rules.lease_not_released,
        )
        self.not_started = self._ruled(
            "NotStarted",
            f"A tick of the job {job}, or the release of its lease, could not be started.",
            undelivered.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum"),
            rules.not_started,
        )
        if rules.not_started is None:
            acknowledge(undelivered, "tsunagu::DeadLetterAlarm", "the alarms of the job leave this one out")
        self.no_success = self._no_success(metrics) if props.enabled and rules.no_success else None

    def _longest_seconds(self) -> int:
        stated = self._props.run_alarm_after
        return int(stated.to_seconds()) if stated else self._props.limits.run_seconds // 2

    def _no_success(self, metrics: JobMetrics) -> cloudwatch.Alarm:
        seconds = int(self._props.success_alarm_after.to_seconds())
        # An alarm looks back for a day, or for a week with periods of an hour.
        period = next(
            each
            for each in (300, 60, 3_600)
            if seconds % each == 0 and (seconds <= DAY_SECONDS or each == 3_600)  # noqa: PLR2004 - an hour
        )
        return self._alarm(
            "NoSuccess",
            f"No run of the job {self._props.job} succeeded for the stated time.",
            metrics.metric(RUNS_SUCCEEDED, period=Duration.seconds(period)),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=seconds // period,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )

    def _too_long(self, machine: NativeStateMachine) -> cloudwatch.Alarm:
        return self._alarm(
            "RunTooLong",
            f"An execution of the job {self._props.job} took longer than stated.",
            machine.machine.metric_time(period=_PERIOD, statistic="Maximum"),
            threshold=self._longest_seconds() * 1_000,
        )

    def _ruled(
        self, construct_id: str, description: str, metric: cloudwatch.IMetric, rule: AlarmRule | None
    ) -> cloudwatch.Alarm | None:
        if rule is None:
            return None
        periods = {} if rule.minutes == 1 else rule.periods
        return self._alarm(construct_id, description, metric, threshold=rule.threshold, **periods)

    def _alarm(
        self, construct_id: str, description: str, metric: cloudwatch.IMetric, **settings: Any
    ) -> cloudwatch.Alarm:
        defaults: dict[str, Any] = {
            "comparison_operator": _AT_LEAST,
            "evaluation_periods": 1,
            "threshold": 1,
            "treat_missing_data": _MISSING_IS_FINE,
        }
        alarm = cloudwatch.Alarm(
            self, construct_id, alarm_description=description, metric=metric, **{**defaults, **settings}
        )
        self._notifier.notify_of(alarm)
        for topic in self._rules.more_topics:
            alarm.add_alarm_action(actions.SnsAction(topic))
        return alarm
