"""Rules about alarms on dead-letter queues."""

from collections.abc import Iterator, Mapping
from typing import Any

from tsunagu.cdk.checks.consumer_rules import QUEUE, dead_letter_queues, kept_by_targets, undelivered
from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.templates.intrinsics import entries, text_of
from tsunagu.templates.template import Resource, Template, mapping

ALARM, _COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
# Metrics that are above zero while a queue has messages that nobody takes.
_METRICS = {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
_NAMESPACE, _QUEUE_NAME = "AWS/SQS", "QueueName"


def _silent_dead_letter_queue(template: Template) -> Iterator[Finding]:
    alarms = [alarm for alarm in template.of_type(ALARM) if _notifies(template, alarm)]
    if any(_watches_all(alarm) for alarm in alarms):
        return
    watched = {key for alarm in alarms for key in _queues_watched(template, alarm)}
    kept = [*dead_letter_queues(template), *undelivered(template), *kept_by_targets(template)]
    for key, queue in {queue.key: queue for _, queue in kept}.items():
        if key not in watched:
            yield Finding(queue, "Properties/QueueName")


def _notifies(template: Template, alarm: Resource) -> bool:
    """Return whether an alarm has an action, or is part of a composite alarm that has one."""
    if alarm.items("AlarmActions"):
        return True
    composites = (found for found in template.of_type(_COMPOSITE) if found.items("AlarmActions"))
    return any(_refers(template, composite.properties.get("AlarmRule"), alarm, set()) for composite in composites)


def _refers(template: Template, value: Any, alarm: Resource, seen: set[str]) -> bool:
    """Return whether the rule of a composite alarm refers to an alarm, by reference, name, or other composites."""
    if isinstance(value, str):
        name = alarm.properties.get("AlarmName")
        return isinstance(name, str) and name in value
    if isinstance(value, list):
        return any(_refers(template, entry, alarm, seen) for entry in value)
    if not isinstance(value, dict):
        return False
    target = template.target(value)
    if target is not None and target.key == alarm.key:
        return True
    if target is not None and target.type == _COMPOSITE and target.key not in seen:
        return _refers(template, target.properties.get("AlarmRule"), alarm, seen | {target.key})
    return any(_refers(template, entry, alarm, seen) for entry in value.values())


def _watches_all(alarm: Resource) -> bool:
    """Return whether an alarm asks for the messages of all queues, by a query of Metrics Insights without `WHERE`."""
    queries = [text_of(mapping(metric).get("Expression")) for metric in alarm.items("Metrics")]
    return any(
        query.strip().upper().startswith("SELECT")
        and any(metric in query for metric in _METRICS)
        and "WHERE" not in query.upper()
        for query in queries
    )


def _queues_watched(template: Template, alarm: Resource) -> Iterator[str]:
    """Iterate over the keys of the queues whose messages an alarm watches, alone or in an expression."""
    for metric in _metrics(alarm):
        if text_of(metric.get("MetricName")) not in _METRICS or metric.get("Namespace", _NAMESPACE) != _NAMESPACE:
            continue
        for dimension in entries(metric.get("Dimensions")):
            value = mapping(dimension).get("Value")
            queue = template.target(value) or template.named(QUEUE, _QUEUE_NAME, value)
            if queue is not None:
                yield queue.key


def _metrics(alarm: Resource) -> Iterator[Mapping[str, Any]]:
    yield alarm.properties
    for query in alarm.items("Metrics"):
        yield mapping(mapping(mapping(query).get("MetricStat")).get("Metric"))


ALARM_RULES = (
    Rule(
        rule_id="DeadLetterAlarm",
        description="No alarm notifies anyone of messages in the dead-letter queue.",
        fix="Add an alarm with an action on its ApproximateNumberOfMessagesVisible.",
        find=_silent_dead_letter_queue,
    ),
)
