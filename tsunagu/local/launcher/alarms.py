"""Alarms by CloudWatch's rules: their own dimensions, M out of N periods, missing data.

ministack puts the points of every queue into one number, and never counts a missing point. Periods end now instead of
at a full minute, so that a state changes within seconds.
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
    """What the last periods of an alarm say.

    Attributes:
        breaching: Periods that breach the threshold, those whose missing data counts so included.
        known: Periods that say anything.
    """

    breaching: int
    known: int


def install() -> None:
    """Let ministack evaluate alarms by these rules, wherever it does."""
    cloudwatch._evaluate_alarm = evaluate


def evaluate(alarm: Alarm) -> None:
    """Bring the state of `alarm` up to date, and run its actions when the state changes.

    An alarm on an expression, or with a comparison that needs anomaly detection, keeps its state.
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
