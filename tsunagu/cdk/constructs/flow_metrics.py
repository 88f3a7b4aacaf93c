"""What a dashboard shows of a flow, and which queues its alarms watch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tsunagu.cdk.constructs.metric_panels import MetricPanel
from tsunagu.cdk.constructs.queue_channel import QueueChannel

if TYPE_CHECKING:
    from aws_cdk import Duration


class FlowMetrics(Protocol):
    """A construct that a dashboard shows and alarms watch: each pattern, a `QueueChannel`, a `DeadLetterNotifier`."""

    def metric_panels(self, period: "Duration") -> Sequence[MetricPanel]:
        """Return the metrics that are worth a graph, the most important ones first.

        Args:
            period: Period of each metric.
        """

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channels whose messages the flow consumes, or keeps for a consumer."""
