"""The age of the oldest message of queues, and the raised alarms of a stack, from CloudWatch."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.reader import Reader
from tsunagu.operations.status.model import AlarmStatus

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

ALARM, COMPOSITE_ALARM = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
QUERIES_PER_CALL = 500
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
ALARMS_PER_CALL = 100
LOOK_BACK_SECONDS = 600  # SQS writes each minute, and a metric arrives some minutes late
PERIOD_SECONDS = 60


def read_ages(reader: Reader, queue_names: Sequence[str], now_ms: int) -> dict[str, float]:
    """Return the age of the oldest message in seconds, by the name of the queue, as of the newest minute that is known.

    A queue without such a metric is left out: SQS writes none for a queue that was idle for six hours.

    Args:
        reader: Reads from AWS.
        queue_names: The queues, by AWS's name.
        now_ms: The time, in milliseconds since the epoch.
    """
    ages: dict[str, float] = {}
    for names in _chunks(queue_names, QUERIES_PER_CALL):
        ages |= reader.read(partial(_ages, reader, names, now_ms), dict[str, float]())
    return ages


def read_alarms(reader: Reader, inventory: StackInventory, now_ms: int) -> tuple[list[AlarmStatus] | None, int]:
    """Return the alarms of a stack that are raised, and how many alarms it has.

    Those come first that were raised first. They are None where they may not be read.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
        now_ms: The time, in milliseconds since the epoch.
    """
    made = {each.physical_id: each for each in inventory.of_type(ALARM, COMPOSITE_ALARM) if each.physical_id}
    raised: list[AlarmStatus] = []
    for names in _chunks([*made], ALARMS_PER_CALL):
        found = reader.read(partial(_raised, reader, names), None)
        if found is None:
            return None, len(made)
        raised += [
            AlarmStatus(
                name=made[each["AlarmName"]].own_name,
                alarm_name=each["AlarmName"],
                reason=each.get("StateReason", ""),
                since_ms=_milliseconds(each.get("StateUpdatedTimestamp")),
                is_of_new_stack=_looks_back_ms(made[each["AlarmName"]]) > now_ms - inventory.stack.created_ms,
            )
            for each in found
            if each["AlarmName"] in made
        ]
    composite = {name for name, each in made.items() if each.type == COMPOSITE_ALARM}
    return sorted(judged(raised, composite), key=lambda alarm: (alarm.since_ms, alarm.name)), len(made)


def _looks_back_ms(alarm: StackResource) -> int:
    """Return how far back an alarm takes silence for a fault; 0 for an alarm that does not.

    CloudWatch takes the time before an alarm was created for silence, too. So such an alarm is raised at once, until
    its metric has data: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2486
    """
    properties = alarm.properties
    seconds = [properties.get("Period"), properties.get("EvaluationPeriods", 1)]
    if properties.get("TreatMissingData") != "breaching" or not all(str(each).isdecimal() for each in seconds):
        return 0
    return math.prod(int(str(each)) for each in seconds) * 1_000


def judged(raised: Sequence[AlarmStatus], composite: Collection[str]) -> list[AlarmStatus]:
    """Return raised alarms, where a composite one is that of a new stack if all others that are raised are so.

    Args:
        raised: The alarms.
        composite: Names of those that are composite.
    """
    others = [each for each in raised if each.alarm_name not in composite]
    is_new = bool(others) and all(each.is_of_new_stack for each in others)
    return [replace(each, is_of_new_stack=is_new) if each.alarm_name in composite else each for each in raised]


def _ages(reader: Reader, names: Sequence[str], now_ms: int) -> dict[str, float]:
    queries: list[Any] = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": name}],
                },
                "Period": PERIOD_SECONDS,
                "Stat": "Maximum",
            },
        }
        for number, name in enumerate(names)
    ]
    pages = reader.aws.cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=datetime.fromtimestamp(now_ms / 1_000 - LOOK_BACK_SECONDS, UTC),
        EndTime=datetime.fromtimestamp(now_ms / 1_000, UTC),
        ScanBy="TimestampDescending",
    )
    ages: dict[str, float] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            points = sorted(zip(result["Timestamps"], result["Values"], strict=True), reverse=True)
            if points:
                ages.setdefault(names[int(result["Id"][1:])], points[0][1])
    return ages


def _raised(reader: Reader, names: Sequence[str]) -> "list[MetricAlarmTypeDef | Any]":
    pages = reader.aws.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNames=[*names], AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
    )
    return [
        each
        for page in pages
        for each in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))
        if each.get("StateValue") == "ALARM"
    ]


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _milliseconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp() * 1_000)
