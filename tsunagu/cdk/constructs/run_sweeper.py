"""The sweeper of runs: a function that looks at the open runs of a pipeline, and counts those that are unfinished."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.assets import HandlerPackage, Platform
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.function_alarms import AlarmRule, FunctionMetrics
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.ranges import DAY_SECONDS, MetricsNamespace
from tsunagu.cdk.constructs.scheduled_function import invoke_each
from tsunagu.cdk.props import CheckedProps, Seconds
from tsunagu.contracts.pipeline import RunSweeperEnvironment
from tsunagu.contracts.telemetry import METRICS_NAMESPACE, Metric

PACKAGE = Path(__file__).resolve().parents[1] / "handlers" / "run_sweeper"
PERIOD = Duration.minutes(5)
TIMEOUT = Duration.seconds(280)  # the next run begins after five minutes
LONGEST_RUN = Duration.days(1)
LONGEST_RUN_SECONDS = range(300, 365 * DAY_SECONDS + 1)
# The metric has one value in five minutes: an alarm that looks at ten of them stays until the runs are done.
AT_ANY = AlarmRule(minutes=10, minutes_to_alarm=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedRuns(CheckedProps):
    """How the unfinished runs of a pipeline are found.

    Attributes:
        longest_run: Age from which a run that is not done counts as unfinished, 5 minutes to 365 days. Default: 1 day.
        alarm: Alarm on their number, which is reported each five minutes; None: no alarm. Default: from the first, as
            long as there is one.
        role: Role of the function, as in `HandlerSettings`. Default: a new one.
        schedule_role: Role of the schedule, as in `RequestSweeperProps`. Default: a new one.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    longest_run: Annotated[Duration, Seconds(LONGEST_RUN_SECONDS)] = LONGEST_RUN
    alarm: AlarmRule | None = AT_ANY
    role: iam.IRole | None = None
    schedule_role: iam.IRole | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSweeperProps(CheckedProps):
    """Settings of a run sweeper.

    Attributes:
        pipeline: Name of the pipeline.
        steps: Its steps, as `PreprocessorEnvironment.steps` has them.
        table: Table of the items, with `request_index` and `run_index`.
        dead_letter_notifier: Gets the alarms.
        settings: How unfinished runs are found. Default: those of a day.
        metrics_namespace: CloudWatch namespace of its metrics. Default: `Tsunagu`.
        network: VPC, subnets and security groups. Default: no VPC.
        platform: Python and architecture. Default: Python 3.13 on arm64.
        log_retention: How long its log group keeps log lines. Default: 30 days.
        protect: Keep the log group when its stack is deleted. Default: it is kept.
    """

    pipeline: str
    steps: str
    table: IdempotencyTable
    dead_letter_notifier: DeadLetterNotifier
    settings: UnfinishedRuns = field(default_factory=UnfinishedRuns)
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    network: Network | None = None
    platform: Platform = field(default_factory=Platform)
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    protect: bool = True


class RunSweeper(CheckedConstruct):
    """Find the runs of a pipeline that a deployment, a purge or a failure left unfinished.

    Each five minutes it looks at all open runs. It takes those that are over out of the index, and reports how many of
    the others are older than the longest run: see docs/pipeline.md.

    Attributes:
        handler: The function, its role and its log group.
        schedule: Invokes it.
        unfinished_alarm: Alarm on unfinished runs; None when it was left out.
        alarms: Alarm on invocations that fail, and alarm on invocations that are missing.
        configuration_fault_alarm: Alarm on calls that no retry mends, such as those without a permission.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RunSweeperProps) -> None:
        super().__init__(scope, construct_id)
        self.handler = HandlerFunction(self, "Handler", _function_props(props))
        function, notifier = self.handler.function, props.dead_letter_notifier
        props.table.grant_sweep_runs(function)
        self.schedule = invoke_each(self, function, PERIOD, props.settings.schedule_role)
        self._metrics = FunctionMetrics(function, props.metrics_namespace)
        self.unfinished_alarm = notifier.watch_unfinished_runs(
            self, self.metric_runs_unfinished(period=Duration.minutes(1)), props.settings.alarm
        )
        self.alarms = notifier.watch_runs(self, function, period=PERIOD)
        self.configuration_fault_alarm = notifier.watch_function(
            self, function, metrics_namespace=props.metrics_namespace
        )

    def metric_runs_unfinished(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of unfinished runs; `options` are those of a CloudWatch metric. Default: the most in it."""
        return self._metrics.metric(Metric.RUNS_UNFINISHED, **{"period": PERIOD, "statistic": "Maximum", **options})


def _function_props(props: RunSweeperProps) -> HandlerFunctionProps:
    environment = RunSweeperEnvironment(
        pipeline=props.pipeline,
        steps=props.steps,
        idempotency_table_name=props.table.table.table_name,
        function_timeout_seconds=int(TIMEOUT.to_seconds()),
        metrics_namespace=props.metrics_namespace,
        longest_run_seconds=int(props.settings.longest_run.to_seconds()),
    )
    return HandlerFunctionProps(
        package=HandlerPackage(path=PACKAGE),
        environment=[environment],
        timeout=TIMEOUT,
        network=props.network,
        platform=props.platform,
        log_retention=props.log_retention,
        protect=props.protect,
        role=props.settings.role,
    )
