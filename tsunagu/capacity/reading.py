"""Reads from a template what limits its receivers, and the APIs that accept requests for them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.capacity import quotas
from tsunagu.capacity.receiver import Pollers, Receiver
from tsunagu.contracts.flows import Kind, Part, read_parts
from tsunagu.templates.consumers import (
    QueueConsumer,
    idempotency_table,
    idempotency_writes,
    queue_consumers,
)
from tsunagu.templates.template import Resource, Template

_API_STAGES = ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """An API that accepts requests.

    Attributes:
        name: Logical id of its stage.
        rate: Requests a second at most.
        what: What limits it.
    """

    name: str
    rate: float
    what: str


def receivers(template: Template, table_writes: float | None = None) -> Iterator[Receiver]:
    """Iterate over the functions with a queue. A number that only the deployment knows limits nothing.

    Args:
        template: The template.
        table_writes: Write units of an idempotency table for one message. Default: 2, and one for each of its indexes.
    """
    jobs = {*_queues_of_jobs(template)}
    found = [
        dataclasses.replace(_receiver(template, each, each.function), is_job=each.queue.key in jobs)
        for each in queue_consumers(template)
        if each.function
    ]
    if table_writes is not None:
        found = [dataclasses.replace(each, writes=table_writes if each.writes else 0.0) for each in found]
    for receiver in found:
        others = [each for each in found if each.table and each.table == receiver.table and each is not receiver]
        of_run = sum(each.writes for each in others if each.pipeline and each.pipeline == receiver.pipeline)
        names = [each.name for each in others]
        yield dataclasses.replace(receiver, shares_table_with=names, writes=receiver.writes + of_run)


def intakes(template: Template, region: str = "") -> Iterator[Intake]:
    """Iterate over the stages of APIs. Without throttling of its own, a stage has the quota of the account.

    Args:
        template: The template.
        region: Region of the account. Default: one of those with the usual quota.
    """
    quota = _api_quota(region)
    for stage in template.of_type(*_API_STAGES):
        settings = [stage.mapping("DefaultRouteSettings"), *stage.items("MethodSettings")]
        rates = [rate for each in settings if isinstance(each, Mapping) if (rate := _rate(each)) is not None]
        own = min(rates, default=None)
        if own is not None and own < quota:
            yield Intake(name=stage.logical_id, rate=own, what="throttling of its stage")
        else:
            yield Intake(name=stage.logical_id, rate=quota, what="API Gateway's quota for all APIs of the account")


def _api_quota(region: str) -> int:
    has_fewest = region in quotas.REGIONS_WITH_FEWEST_API_REQUESTS
    return quotas.FEWEST_API_REQUESTS_PER_SECOND if has_fewest else quotas.API_REQUESTS_PER_SECOND


def _rate(settings: Mapping[str, Any]) -> float | None:
    rate = settings.get("ThrottlingRateLimit")
    return float(rate) if isinstance(rate, int | float) else None


def _receiver(template: Template, consumer: QueueConsumer, function: Resource) -> Receiver:
    parts, queue = read_parts(function.metadata), consumer.queue
    table = idempotency_table(template, function)
    return Receiver(
        name=parts[0].name if parts else function.logical_id,
        function=function.logical_id,
        queue=queue.logical_id,
        pipeline=_pipeline(parts),
        batch_size=consumer.batch_size,
        fifo=queue.properties.get("FifoQueue") is True,
        high_throughput=queue.properties.get("FifoThroughputLimit") == "perMessageGroupId",
        window_seconds=consumer.mapping.number("MaximumBatchingWindowInSeconds", 0) or 0,
        max_concurrency=_whole(consumer.mapping.mapping("ScalingConfig").get("MaximumConcurrency")),
        reserved_concurrency=_whole(function.properties.get("ReservedConcurrentExecutions")),
        pollers=_pollers(consumer.mapping.mapping("ProvisionedPollerConfig")),
        table="" if table is None else table.key,
        writes=idempotency_writes(template, function),
        table_writes=_table_writes(table),
        table_grows=table is None or table.properties.get("BillingMode") == "PAY_PER_REQUEST",
        timeout_seconds=function.number("Timeout", quotas.DEFAULT_TIMEOUT_SECONDS) or quotas.DEFAULT_TIMEOUT_SECONDS,
    )


def _queues_of_jobs(template: Template) -> Iterator[str]:
    """Iterate over the keys of what the state machines of jobs call; the queue of a job is among them."""
    for machine in template.of_type("AWS::StepFunctions::StateMachine"):
        if any(part.kind == Kind.JOB for part in read_parts(machine.metadata)):
            called = map(template.target, machine.mapping("DefinitionSubstitutions").values())
            yield from (each.key for each in called if each is not None)


def _pipeline(parts: Sequence[Part]) -> str:
    """Return the pipeline of a service, whose name is `orders/billing`."""
    services = [part.name for part in parts if part.kind == Kind.SERVICE]
    return services[0].rpartition("/")[0] if services else ""


def _pollers(settings: Mapping[str, Any]) -> Pollers | None:
    if not settings:
        return None
    fewest, most = _whole(settings.get("MinimumPollers")), _whole(settings.get("MaximumPollers"))
    return Pollers(fewest=fewest or quotas.FEWEST_POLLERS, most=most or quotas.MOST_POLLERS)


def _table_writes(table: Resource | None) -> int:
    """Return the write units a second that a table takes at first."""
    if table is None:
        return quotas.NEW_TABLE_WRITES
    if table.properties.get("BillingMode") != "PAY_PER_REQUEST":
        return _whole(table.mapping("ProvisionedThroughput").get("WriteCapacityUnits")) or quotas.NEW_TABLE_WRITES
    warm = _whole(table.mapping("WarmThroughput").get("WriteUnitsPerSecond")) or quotas.NEW_TABLE_WRITES
    most = _whole(table.mapping("OnDemandThroughput").get("MaxWriteRequestUnits"))
    return min(warm, most) if most else warm


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
