"""A dashboard of flows, made of the metrics that the patterns have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct, IConstruct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.flow_metrics import FlowMetrics
from tsunagu.cdk.constructs.metric_panels import MetricPanel, path_in_stack
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.patterns.flow_alarms import FlowAlarms
from tsunagu.cdk.props import CheckedProps, Seconds
from tsunagu.errors import InvalidPropsError

WIDTH, PANEL_WIDTH, PANEL_HEIGHT = 24, 8, 6  # the grid of a dashboard has 24 columns
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
ALARMS_PER_WIDGET = 100
PERIOD_SECONDS = range(60, DAY_SECONDS + 1)
RANGE_SECONDS = range(3_600, 30 * DAY_SECONDS + 1)

_PERIOD, _RANGE = Duration.minutes(5), Duration.hours(12)

Period = Annotated[Duration, Seconds(PERIOD_SECONDS)]
Range = Annotated[Duration, Seconds(RANGE_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDashboardProps(CheckedProps):
    """Settings of a dashboard.

    Attributes:
        flows: The flows, in the order in which they are shown: patterns, channels and notifiers.
        alarms: Alarms whose state is shown at the top, with that of all together. Default: no alarms are shown.
        period: Period of each metric, 60 seconds to a day. Default: five minutes.
        time_range: Time that the dashboard shows when it is opened, an hour to 30 days. Default: twelve hours.
        name: Name of the dashboard. Default: CloudFormation makes one.

    Raises:
        InvalidPropsError: There is no flow, or a time is out of range.
    """

    flows: Sequence[FlowMetrics]
    alarms: FlowAlarms | None = None
    period: Period = _PERIOD
    time_range: Range = _RANGE
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a dashboard of nothing."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if not self.flows:
            msg = "flows must have at least one flow, got none"
            raise InvalidPropsError(msg)


class FlowDashboard(CheckedConstruct):
    """Show flows on one CloudWatch dashboard: alarms at the top, and a section for each flow.

    An account has three dashboards without a charge. Each further one costs 3 USD a month.

    Attributes:
        dashboard: The dashboard. Add widgets of your own to it.
    """

    def __init__(self, scope: Construct, construct_id: str, props: FlowDashboardProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self.dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=props.name, default_interval=props.time_range
        )
        for row in self._rows():
            self.dashboard.add_widgets(*row)

    def _rows(self) -> Iterator[Sequence[cloudwatch.IWidget]]:
        if self._props.alarms is not None:
            yield from _alarm_rows(self._props.alarms)
        for flow in self._props.flows:
            yield [
                cloudwatch.TextWidget(markdown=f"## {path_in_stack(cast('IConstruct', flow))}", width=WIDTH, height=1)
            ]
            yield [self._graph(panel) for panel in flow.metric_panels(self._props.period)]

    def _graph(self, panel: MetricPanel) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=panel.title,
            left=[*panel.metrics],
            right=[*panel.right],
            left_y_axis=cloudwatch.YAxisProps(min=0),
            right_y_axis=cloudwatch.YAxisProps(min=0),
            width=PANEL_WIDTH,
            height=PANEL_HEIGHT,
            period=self._props.period,
        )


def _alarm_rows(alarms: FlowAlarms) -> Iterator[Sequence[cloudwatch.IWidget]]:
    shown: list[cloudwatch.IAlarm] = [alarms.health, *alarms.existing, *alarms.added]
    for first in range(0, len(shown), ALARMS_PER_WIDGET):
        yield [
            cloudwatch.AlarmStatusWidget(
                title="Alarms", alarms=shown[first : first + ALARMS_PER_WIDGET], width=WIDTH, height=PANEL_HEIGHT
            )
        ]
