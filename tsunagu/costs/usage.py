"""What the resources of a template use in a month: at rest, and with messages.

Left out: what producers pay to send, storage, data transfer, transitions of state machines, metrics that functions
write to their log, data keys of queues, which SQS keeps for five minutes, and restores of snapshots. Numbers that only
the deployment knows count as their defaults.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping

from tsunagu.costs.traffic import MONTH_SECONDS, Traffic
from tsunagu.templates.consumers import idempotency_writes, queue_consumers
from tsunagu.templates.template import Resource, Template

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: five pollers, and a long poll of 20 seconds.
IDLE_POLLERS, POLL_SECONDS = 5, 20
# https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: Lambda reads a shard of a stream four times a second, for
# nothing. What Pipes does, and whether its reads are billed, AWS's pages do not say: taken for the same, and as billed.
STREAM_READS_PER_SECOND = 4
DEFAULT_MEMORY_MIB = 128
# A call receives ten messages, or deletes them; of what is received, each 64 KB are a request.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
SQS_MESSAGES_PER_CALL, SQS_BILLED_BYTES = 10, 65_536
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
    for function in template.of_type("AWS::Lambda::Function"):
        if function.mapping("SnapStart").get("ApplyOn") == "PublishedVersions":
            yield "lambda.snapshot-gb-second", MONTH_SECONDS * _memory_gib(function)
    for consumer in queue_consumers(template):
        yield _sqs_price(consumer.queue), _pollers(consumer.mapping) * MONTH_SECONDS / POLL_SECONDS


def _alarm(alarm: Resource) -> tuple[str, float]:
    """Return an alarm: one with a metric query is billed for each metric that it reads."""
    queries = [each for each in alarm.items("Metrics") if isinstance(each, dict) and "MetricStat" in each]
    return "cloudwatch.alarm", max(len(queries), 1)


def _endpoint(endpoint: Resource) -> tuple[str, float]:
    is_interface = endpoint.properties.get("VpcEndpointType") == "Interface"
    return "vpc.endpoint", max(len(endpoint.items("SubnetIds")), 1) if is_interface else 0


def _pipe(pipe: Resource) -> tuple[str, float]:
    """Return the reads of a stream of DynamoDB by a pipe, which has one shard at least; other sources count nothing."""
    is_stream = "DynamoDBStreamParameters" in pipe.mapping("SourceParameters")
    is_on = is_stream and pipe.properties.get("DesiredState") != "STOPPED"
    return "dynamodb.stream", STREAM_READS_PER_SECOND * MONTH_SECONDS if is_on else 0


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
    "AWS::Pipes::Pipe": _pipe,
    "AWS::Scheduler::Schedule": _schedule,
}


def _with_messages(template: Template, traffic: Traffic) -> Iterator[tuple[str, float]]:
    for consumer in queue_consumers(template):
        batch = traffic.batch_of(consumer.batch_size)
        yield _sqs_price(consumer.queue), traffic.messages * _sqs_requests(batch, traffic.message_bytes)
        yield "lambda.request", traffic.messages / batch
        if consumer.function is not None:
            yield from _of_function(template, consumer.function, traffic)
    for resource in template.resources.values():
        if (price := _API_PRICES.get(resource.type)) and resource.properties.get("ProtocolType") != "WEBSOCKET":
            yield price, traffic.requests


_API_PRICES = {"AWS::ApiGateway::RestApi": "api-gateway.request", "AWS::ApiGatewayV2::Api": "api-gateway.http-request"}


def _sqs_price(queue: Resource) -> str:
    return "sqs.fifo-request" if queue.properties.get("FifoQueue") in {True, "true"} else "sqs.request"


def _sqs_requests(batch: float, message_bytes: int) -> float:
    """Return the requests of one message: its share of a receive, and of a delete."""
    of_call = min(batch, SQS_MESSAGES_PER_CALL)
    return (max(1, math.ceil(of_call * message_bytes / SQS_BILLED_BYTES)) + 1) / of_call


def _of_function(template: Template, function: Resource, traffic: Traffic) -> Iterator[tuple[str, float]]:
    price = "lambda.gb-second" if "arm64" in function.items("Architectures") else "lambda.gb-second-x86"
    yield price, traffic.messages * traffic.milliseconds / 1_000 * _memory_gib(function)
    yield "cloudwatch.log-gb", traffic.messages * traffic.log_bytes / GB
    if writes := idempotency_writes(template, function):
        yield "dynamodb.write", traffic.messages * (writes + _transaction_writes(traffic.writes))


def _memory_gib(function: Resource) -> float:
    return (function.number("MemorySize", DEFAULT_MEMORY_MIB) or DEFAULT_MEMORY_MIB) / 1_024


def _transaction_writes(writes: int) -> int:
    """Return the units that business writes add: a transaction bills each of them twice, and the item once more."""
    return 1 + 2 * writes if writes else 0


def _pollers(mapping: Resource) -> int:
    provisioned = mapping.mapping("ProvisionedPollerConfig").get("MinimumPollers")
    return provisioned if isinstance(provisioned, int) else IDLE_POLLERS
