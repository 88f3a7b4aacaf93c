"""Evaluates alarms by the rules of CloudWatch: dimensions, M out of N periods, missing data.

ministack mixes the points of all queues, and ignores missing points. Unlike on AWS, a period ends now and not at a full
minute, so that the state of an alarm changes within seconds.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .ministack_modules import cloudwatch

Alarm = dict[str, Any]
Points = list[dict[str, Any]]
State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Result of the last periods of an alarm.

    Attributes:
        breaching: Periods that breach the threshold, with those whose missing data counts as breaching.
        known: Periods with data, with those whose missing data counts as breaching or not breaching.
    """

    breaching: int
    known: int


def install() -> None:
    """Let ministack evaluate all alarms by these rules."""
    cloudwatch._evaluate_alarm = evaluate


def evaluate(alarm: Alarm) -> None:
    """Update the state of `alarm`, and run its actions when the state changes.

    An alarm on an expression, or with a comparison for anomaly detection, keeps its state.
    """
    if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in _COMPARISONS:
        return
    verdicts = _verdicts(alarm)
    before, after = alarm["StateValue"], _state(alarm, verdicts)
    if after == before:
        return
    periods = int(alarm.get("EvaluationPeriods", 1))
    reason = f"Threshold Crossed: {verdicts.breaching} of {periods} datapoints against {alarm.get('Threshold')}"
    alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _state(alarm: Alarm, verdicts: Verdicts) -> State:
    needed = int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1))
    if verdicts.known == 0:
        ignores = alarm.get("TreatMissingData") == "ignore"
        kept: State = alarm["StateValue"]
        return kept if ignores else "INSUFFICIENT_DATA"
    return "ALARM" if verdicts.breaching >= needed else "OK"


def _verdicts(alarm: Alarm) -> Verdicts:
    points = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], _dimensions_key(alarm))) or []
    period, now = int(alarm.get("Period", 60)), time.time()
    breaching = known = 0
    for index in range(int(alarm.get("EvaluationPeriods", 1))):
        end = now - index * period
        verdict = _verdict(alarm, [point for point in points if end - period < point["Timestamp"] <= end])
        known += verdict is not None
        breaching += verdict is True
    return Verdicts(breaching, known)


def _verdict(alarm: Alarm, points: Points) -> bool | None:
    if not points:
        return {"breaching": True, "notBreaching": False}.get(alarm.get("TreatMissingData") or "missing")
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
    return None if value is None else _COMPARISONS[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


def _dimensions_key(alarm: Alarm) -> Any:
    dimensions = alarm.get("Dimensions") or {}
    if isinstance(dimensions, list):
        dimensions = cloudwatch._dims_from_list(dimensions)
    return cloudwatch._dims_key(dimensions)
