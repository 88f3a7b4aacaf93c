"""What a dead-letter notifier watches of functions: calls that fail for good, work that is left, and runs."""

import dataclasses
import math
from abc import abstractmethod

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from tsunagu.cdk.constructs.function_alarms import AlarmRule, FunctionMetrics
from tsunagu.cdk.constructs.messaging_watch import PERIOD, MessagingWatch
from tsunagu.contracts.telemetry import METRICS_NAMESPACE, Metric

# Of a message that waits for a configuration to be mended: `tsunagu.runtime.retry` has the same time.
LONGEST_PAUSE = Duration.minutes(15)
_PAUSE_SLACK = Duration.minutes(5)


class FunctionWatch(MessagingWatch):
    """Create alarms on functions, besides those on queues, pipes and APIs."""

    @property
    @abstractmethod
    def alarm_topic(self) -> sns.ITopic:
        """Topic that also gets the alarms on configuration faults."""

    def watch_function(
        self,
        scope: Construct,
        function: lambda_.IFunction,
        *,
        metrics_namespace: str = METRICS_NAMESPACE,
        longest_pause: Duration = LONGEST_PAUSE,
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on configuration faults: calls of `function` that no retry mends.

        It is raised within minutes, by the first of them. It ends when there was none for some minutes longer than the
        longest pause. It goes to the topic of the notifications and to `alarm_topic`.

        Args:
            scope: Where the alarm is created, usually the receiver.
            function: A function with the runtime of this library.
            metrics_namespace: CloudWatch namespace of its metrics.
            longest_pause: Longest time between two deliveries of a message that waits for the fault to be mended.
                Default, and least: 15 minutes.
        """
        pause_seconds = max(longest_pause.to_seconds(), LONGEST_PAUSE.to_seconds()) + _PAUSE_SLACK.to_seconds()
        rule = self._rules.configuration_faults
        if rule is None:
            return None
        periods = math.ceil(pause_seconds / PERIOD.to_seconds())
        return self._alarm(
            scope,
            "ConfigurationFaultAlarm",
            "A call failed that no retry mends: a permission is missing, a name is wrong, or a resource was "
            "deleted or disabled. The log lines of the function name the call. Its messages wait for the repair.",
            FunctionMetrics(function, metrics_namespace).metric(Metric.CONFIGURATION_FAULTS),
            self.alarm_topic,
            threshold=rule.threshold,
            evaluation_periods=max(periods, rule.minutes),
            datapoints_to_alarm=rule.datapoints_to_alarm,
        )

    def watch_commits(
        self, scope: Construct, function: lambda_.IFunction, *, metrics_namespace: str = METRICS_NAMESPACE
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on failures after the commit, which leave undone what a business function wanted after it.

        Args:
            scope: Where the alarm is created, usually the receiver.
            function: A function with the runtime of this library.
            metrics_namespace: CloudWatch namespace of its metrics.
        """
        return self._ruled(
            scope,
            "FailureAfterCommitAlarm",
            "A business function failed after its transaction was committed. The effect stands, and the message is "
            "complete, but what the function wanted after the commit was not done. The log names the place.",
            FunctionMetrics(function, metrics_namespace).metric(Metric.FAILURES_AFTER_COMMIT),
            rule=self._rules.failures_after_commit,
        )

    def watch_outboxes(
        self, scope: Construct, function: lambda_.IFunction, *, metrics_namespace: str = METRICS_NAMESPACE
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on messages of HTTP requests that the sweeper gave up, because they can never be sent.

        Args:
            scope: Where the alarm is created, usually the sweeper.
            function: The function of the sweeper.
            metrics_namespace: CloudWatch namespace of its metrics.
        """
        return self._ruled(
            scope,
            "OutboxAlarm",
            "Messages of an HTTP request can never be sent. The effect of the request stands, and its item keeps the "
            "messages and the reason. The log names the item.",
            FunctionMetrics(function, metrics_namespace).metric(Metric.FAILURES_AFTER_COMMIT),
            rule=self._rules.failures_after_commit,
        )

    def watch_runs(
        self, scope: Construct, function: lambda_.IFunction, *, period: Duration = PERIOD
    ) -> tuple[cloudwatch.Alarm | None, cloudwatch.Alarm | None]:
        """Create alarms on a function that a schedule invokes: it fails, and it does not run.

        Each is raised after three ticks of the last five. One that fails goes on by itself at the next tick.

        Args:
            scope: Where the alarms are created.
            function: The function.
            period: Time from one tick to the next. Default: one minute.

        Returns:
            The alarm on runs that fail, and the alarm on runs that are missing; None for one that is left out.
        """
        failed = self._ruled(
            scope,
            "RunsFailAlarm",
            "Runs of a scheduled function fail: a call failed, or the run was killed. The log names the call.",
            function.metric_errors(period=period),
            rule=self._rules.failed_runs,
        )
        missing = self._ruled(
            scope,
            "RunsMissingAlarm",
            "A scheduled function does not run: its schedule is disabled or denied, or the function is throttled.",
            function.metric_invocations(period=period),
            rule=self._rules.missing_runs and dataclasses.replace(self._rules.missing_runs, threshold=1),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        return failed, missing

    def watch_unfinished_runs(
        self, scope: Construct, metric: cloudwatch.Metric, rule: AlarmRule | None
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on runs of a pipeline that should have ended long ago.

        Args:
            scope: Where the alarm is created, usually the sweeper.
            metric: Their number.
            rule: When it is raised. None: there is no alarm.
        """
        description = (
            "Runs of a pipeline are not done long after their start: a message was purged or expired, a deployment "
            "removed a service or a step, or a dead letter was not redriven. `tsunagu runs` lists them, and why."
        )
        return self._ruled(scope, "RunsUnfinishedAlarm", description, metric, rule=rule)
