"""A request through a pipeline of two steps and three services, beside a claim check in S3 for every message.

The usage is that of `benchmarks.pipeline_cost`, whose calls and sizes tests compare with those of the runtime.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from benchmarks.cost.load import Load
from benchmarks.cost.meter import GB, Meter
from benchmarks.cost.receive_once import ENVIRONMENT, ORDERS, business_item, record
from benchmarks.cost.usage import Usage, total
from benchmarks.pipeline_cost.cost import in_s3
from benchmarks.pipeline_cost.documents import PIPELINE, TOPIC_ARN, envelope_of, payload
from benchmarks.pipeline_cost.flow import Flow
from benchmarks.pipeline_cost.prices import PRICES, Component, Purpose
from benchmarks.pipeline_cost.usage import sweep_usage, usage
from tsunagu import Work, pipeline_service
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.runtime.json_text import JsonObject

PLAIN_LOCK_WRITES = 2  # a conditional put, and an update


@dataclass(frozen=True)
class Placed:
    """A request of the pipeline.

    Attributes:
        note: What `benchmarks.pipeline_cost.documents` makes it as long as it shall be with.
    """

    note: str


def flow_of(load: Load) -> Flow:
    """Return the order pipeline with requests of the load, and results of a quarter of one."""
    return Flow(
        request_bytes=load.message_bytes,
        result_bytes=load.message_bytes // 4,
        batch=load.batch,
        writes=load.writes,
        memory_gib=load.memory_gib,
        durations=load.durations,
    )


def ours(load: Load) -> Usage:
    """Return what a request uses with `ServicePipeline`, and to see that its run is done."""
    flow = flow_of(load)
    return total(
        _named(usage(flow)),
        _named(sweep_usage(flow)),
        _logs(load, flow, delivered_batch(load, flow)["cloudwatch.log-gb"]),
    )


def plain(load: Load) -> Usage:
    """Return what a request uses where each payload is in S3, each service has a plain lock, and the join a counter."""
    flow = in_s3(flow_of(load))
    used = {part: units for part, units in usage(flow).items() if PRICES[part].purpose is not Purpose.JOURNAL}
    services = [step.services for step in flow.steps]
    locks = sum(len(each) * (PLAIN_LOCK_WRITES + load.writes) for each in services)
    joins = sum(len(each) for each in services if len(each) > 1)
    return total(_named(used), {"dynamodb.write": locks + joins}, _logs(load, flow, load.platform_log_bytes / GB))


def _named(used: Mapping[Component, float]) -> Usage:
    """Return a usage by the names of prices, of which several components may have one."""
    return total(*({PRICES[component].name: units} for component, units in used.items()))


def _logs(load: Load, flow: Flow, batch_gb: float) -> Usage:
    """Return the log of the preprocessor, which has Lambda's own lines, and of a batch of each service."""
    services = sum(len(step.services) for step in flow.steps)
    return {"cloudwatch.log-gb": load.platform_log_bytes / GB + services * batch_gb / load.batch}


def delivered_batch(load: Load, flow: Flow) -> Usage:
    """Return what the last service of the pipeline uses for a batch, counted; it is alone in its step."""
    step = flow.steps[-1]
    place = ServiceEnvironment(
        pipeline=PIPELINE,
        step=step.name,
        service=step.services[0],
        siblings=step.services[0],
        next_step="",
        next_topic_arn=TOPIC_ARN,
        claim_bucket_name="claims",
    )

    def ship(_placed: Placed, work: Work) -> JsonObject:
        for number in range(load.writes):
            work.put(ORDERS, business_item(work.run_id, number))
        return payload(flow.result_bytes)

    meter = Meter(load)
    with meter.environment(ENVIRONMENT.to_environment(), place.to_environment()):
        return meter.deliver(pipeline_service(ship), envelopes(flow))


def envelopes(flow: Flow) -> list[dict[str, Any]]:
    """Return the records of a batch for the last step, with payloads inline."""
    envelope = envelope_of(replace(flow, request_bytes=256, result_bytes=64), len(flow.steps) - 1)
    runs = (str(UUID(int=UUID(envelope.run_id).int + number)) for number in range(flow.batch))
    bodies = [replace(envelope, run_id=run).encode() for run in runs]
    attributes = {REQUEST_ID_ATTRIBUTE: envelope.request_id}
    return [record(body, number, attributes) for number, body in enumerate(bodies)]
