"""What the resources of a template use in a month: at rest, and with messages.

Left out: what producers pay to send, storage, data transfer, requests of APIs, transitions of state machines, and data
keys of queues, which SQS keeps for five minutes. Numbers that only the deployment knows count as their defaults.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from tsunagu.costs.traffic import MONTH_SECONDS, Traffic
from tsunagu.templates.consumers import idempotency_writes, queue_consumers
from tsunagu.templates.template import Resource, Template

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: five pollers, and a long poll of 20 seconds.
IDLE_POLLERS, POLL_SECONDS = 5, 20
DEFAULT_MEMORY_MIB = 128
SQS_DELETES_PER_REQUEST = 10
GB = 1_000_000_000

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def monthly_usage(template: Template, traffic: Traffic) -> Mapping[str, float]:
    """Return the units that a template uses in a month, by the name of their price."""
    used: dict[str, float] = {}
    for name, units in (*_at_rest(template), *_with_messages(template, traffic)):
        used[name] = used.get(name, 0.0) + units
    return used


def _at_rest(template: Template) -> Iterator[tuple[str, float]]:
    for resource in template.resources.values():
        count = _COUNTED.get(resource.type)
        if count is not None:
            yield count(resource)
    for consumer in queue_consumers(template):
        yield "sqs.request", _pollers(consumer.mapping) * MONTH_SECONDS / POLL_SECONDS


def _alarm(alarm: Resource) -> tuple[str, float]:
    """Return an alarm: one with a metric query is billed for each metric that it reads."""
    queries = [each for each in alarm.items("Metrics") if isinstance(each, dict) and "MetricStat" in each]
    return "cloudwatch.alarm", max(len(queries), 1)


def _endpoint(endpoint: Resource) -> tuple[str, float]:
    is_interface = endpoint.properties.get("VpcEndpointType") == "Interface"
    return "vpc.endpoint", max(len(endpoint.items("SubnetIds")), 1) if is_interface else 0


def _schedule(schedule: Resource) -> tuple[str, float]:
    """Return the invocations of a schedule in a month; one with a cron expression counts as one a day."""
    found = _RATE.fullmatch(str(schedule.properties.get("ScheduleExpression", "")))
    seconds = int(found[1]) * _SECONDS[found[2]] if found else _SECONDS["day"]
    is_off = schedule.properties.get("State") == "DISABLED"
    return "scheduler.invocation", 0 if is_off else MONTH_SECONDS / seconds


_COUNTED: Mapping[str, Callable[[Resource], tuple[str, float]]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": lambda _: ("cloudwatch.composite-alarm", 1),
    "AWS::CloudWatch::Dashboard": lambda _: ("cloudwatch.dashboard", 1),
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::KMS::Key": lambda _: ("kms.key", 1),
    "AWS::Logs::MetricFilter": lambda _: ("cloudwatch.metric", 1),
    "AWS::Scheduler::Schedule": _schedule,
}


def _with_messages(template: Template, traffic: Traffic) -> Iterator[tuple[str, float]]:
    messages = traffic.messages
    for consumer in queue_consumers(template):
        batch = consumer.batch_size
        yield "sqs.request", messages / batch + messages / min(batch, SQS_DELETES_PER_REQUEST)
        yield "lambda.request", messages / batch
        if consumer.function is not None:
            yield from _of_function(template, consumer.function, traffic)


def _of_function(template: Template, function: Resource, traffic: Traffic) -> Iterator[tuple[str, float]]:
    memory = function.number("MemorySize", DEFAULT_MEMORY_MIB) or DEFAULT_MEMORY_MIB
    price = "lambda.gb-second" if "arm64" in function.items("Architectures") else "lambda.gb-second-x86"
    yield price, traffic.messages * traffic.milliseconds / 1_000 * memory / 1_024
    yield "cloudwatch.log-gb", traffic.messages * traffic.log_bytes / GB
    if writes := idempotency_writes(template, function):
        yield "dynamodb.write", traffic.messages * writes


def _pollers(mapping: Resource) -> int:
    provisioned = mapping.mapping("ProvisionedPollerConfig").get("MinimumPollers")
    return provisioned if isinstance(provisioned, int) else IDLE_POLLERS
