"""Metrics that are read together, in one graph of a dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from tsunagu.cdk.props import CheckedProps

if TYPE_CHECKING:
    from constructs import IConstruct


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPanel(CheckedProps):
    """Metrics that are read together, in one graph.

    Attributes:
        title: What they say.
        metrics: Metrics of the left axis, all with one unit.
        right: Metrics of the right axis, with another unit. Default: none.
    """

    title: str
    metrics: Sequence[cloudwatch.IMetric]
    right: Sequence[cloudwatch.IMetric] = ()


def path_in_stack(construct: "IConstruct") -> str:
    """Return the path of a construct below its stack."""
    return construct.node.path.removeprefix(f"{Stack.of(construct).node.path}/")


def function_panel(title: str, function: lambda_.IFunction, period: Duration) -> MetricPanel:
    """Return the panel of a function: invocations, errors and throttles, and how long an invocation takes.

    Args:
        title: What the function does.
        function: The function.
        period: Period of each metric.
    """
    return MetricPanel(
        title=title,
        metrics=[
            function.metric_invocations(period=period),
            function.metric_errors(period=period),
            function.metric_throttles(period=period),
        ],
        right=[function.metric_duration(period=period, statistic="p99")],
    )


def labelled(metrics: "Sequence[tuple[str, cloudwatch.Metric]]") -> list[cloudwatch.IMetric]:
    """Return metrics of one kind with a label each, such as the names of services."""
    return [metric.with_(label=label) for label, metric in metrics]


def titled(prefix: str, panels: Sequence[MetricPanel]) -> list[MetricPanel]:
    """Return the panels of a part of a flow, with the name of the part before each title."""
    return [MetricPanel(title=f"{prefix}: {panel.title}", metrics=panel.metrics, right=panel.right) for panel in panels]
