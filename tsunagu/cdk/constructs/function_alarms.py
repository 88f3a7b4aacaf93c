"""Alarms on a function with the runtime of this library, and its metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from tsunagu.cdk.props import Between, CheckedProps
from tsunagu.contracts.telemetry import FUNCTION_DIMENSION, METRICS_NAMESPACE, Metric
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from constructs import Construct

PERIOD = Duration.minutes(1)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html: a day of minutes at most
MINUTES = range(1, 1_441)
THRESHOLDS = range(1, 1_000_001)
_MINUTES_TO_ALARM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule(CheckedProps):
    """When an alarm is raised: in how many of the last minutes there was how much.

    Attributes:
        threshold: Least number in a minute, 1 to 1,000,000. Default: 1.
        minutes: Minutes that the alarm looks back, 1 to 1,440. Default: 5.
        minutes_to_alarm: How many of them must reach the threshold, 1 to `minutes`. Default: 3, or `minutes` if that is
            less, so that what mends itself raises no alarm.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    threshold: Annotated[int, Between(THRESHOLDS, deployed=True)] = 1
    minutes: Annotated[int, Between(MINUTES, "minutes")] = 5
    minutes_to_alarm: Annotated[int, Between(MINUTES, "minutes")] | None = None

    def __post_init__(self) -> None:
        """Refuse more minutes than the alarm looks at."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.minutes_to_alarm is not None and self.minutes_to_alarm > self.minutes:
            msg = f"minutes_to_alarm must be at most the {self.minutes} minutes, got {self.minutes_to_alarm}"
            raise InvalidPropsError(msg)

    @property
    def datapoints_to_alarm(self) -> int:
        """How many of the minutes must reach the threshold."""
        return self.minutes_to_alarm or min(_MINUTES_TO_ALARM, self.minutes)

    @property
    def periods(self) -> dict[str, int]:
        """The minutes as settings of a CloudWatch alarm."""
        return {"evaluation_periods": self.minutes, "datapoints_to_alarm": self.datapoints_to_alarm}


AT_ONCE = AlarmRule(minutes=1)
OFTEN = AlarmRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAlarms(CheckedProps):
    """Alarms on the invocations and the calls of a function. None leaves an alarm out.

    Attributes:
        errors: Invocations that failed as a whole: the function was killed, timed out, or could not be imported.
            Default: in three minutes of five.
        throttles: Invocations that Lambda refused. Default: in three minutes of five.
        failed_calls: Calls of other services that failed after all retries. Default: in three minutes of five.
        lost_leases: Messages that another worker took over while they were in work. Default: at the first.
        more_topics: Topics that get these alarms, besides that of the notifications. Default: none.
    """

    errors: AlarmRule | None = OFTEN
    throttles: AlarmRule | None = OFTEN
    failed_calls: AlarmRule | None = OFTEN
    lost_leases: AlarmRule | None = AT_ONCE
    more_topics: Sequence[sns.ITopic] = ()

    def create(
        self, scope: "Construct", function: lambda_.IFunction, topic: sns.ITopic, *, metrics_namespace: str
    ) -> dict[str, cloudwatch.Alarm]:
        """Create the alarms.

        Args:
            scope: Where they are created.
            function: The function.
            topic: Topic that gets them.
            metrics_namespace: CloudWatch namespace of its metrics.

        Returns:
            The alarms by the names of the attributes, without those that are left out.
        """
        of_runtime = FunctionMetrics(function, metrics_namespace)
        kinds = {
            "errors": ("ErrorAlarm", _ERRORS, function.metric_errors(period=PERIOD)),
            "throttles": ("ThrottleAlarm", _THROTTLES, function.metric_throttles(period=PERIOD)),
            "failed_calls": ("FailedCallAlarm", _FAILED_CALLS, of_runtime.metric(Metric.CALLS_FAILED)),
            "lost_leases": ("LostLeaseAlarm", _LOST_LEASES, of_runtime.metric(Metric.LEASES_LOST)),
        }
        rules: Mapping[str, AlarmRule | None] = {name: getattr(self, name) for name in kinds}
        made = {name: _alarm(scope, *kinds[name], rule) for name, rule in rules.items() if rule is not None}
        for alarm in made.values():
            for each in dict.fromkeys((topic, *self.more_topics)):
                alarm.add_alarm_action(actions.SnsAction(each))
        return made


class FunctionMetrics:
    """The runtime's metrics of one function; the dimension is its name, which differs from stack to stack.

    Args:
        function: The function.
        namespace: CloudWatch namespace of its metrics.
    """

    def __init__(self, function: lambda_.IFunction, namespace: str = METRICS_NAMESPACE) -> None:
        self._dimensions = {FUNCTION_DIMENSION: function.function_name}
        self._namespace = namespace

    def metric(self, metric: Metric, **options: Any) -> cloudwatch.Metric:
        """Return one of the metrics; `options` are those of a CloudWatch metric. Default: sums of a minute."""
        settings = {"period": PERIOD, "statistic": "Sum", **options}
        return cloudwatch.Metric(
            namespace=self._namespace, metric_name=metric, dimensions_map=self._dimensions, **settings
        )


ALL_ALARMS = FunctionAlarms()

_ERRORS = "Invocations of a function fail as a whole: it is killed, times out, or cannot be imported. The log has why."
_THROTTLES = "Lambda refuses invocations of a function: its concurrency, or that of the account, is used up."
_FAILED_CALLS = "Calls of a function fail after all retries. The log names the call, the resource and the error."
_LOST_LEASES = (
    "Another worker took over a message that was in work: its lease ended before the function did, or was released."
)


def _alarm(
    scope: "Construct", construct_id: str, description: str, metric: cloudwatch.Metric, rule: AlarmRule
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=description,
        metric=metric,
        threshold=rule.threshold,
        evaluation_periods=rule.minutes,
        datapoints_to_alarm=rule.datapoints_to_alarm,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
