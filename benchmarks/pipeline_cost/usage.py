"""What one request uses of each thing that AWS bills for, as it follows from the flow."""

import math
from collections.abc import Mapping

from benchmarks.cost.billing import (
    CALLS_PAST_THE_BUCKET_KEY,
    TRANSACTIONAL,
    billed_requests,
    read_units,
    write_units,
)
from benchmarks.cost.usage import MILLION
from benchmarks.pipeline_cost.documents import ItemSizes, message_bytes, service_item, start_item
from benchmarks.pipeline_cost.flow import Flow
from benchmarks.pipeline_cost.prices import Component
from tsunagu.contracts.messages import SNS_MESSAGE_BYTES, SQS_MESSAGE_BYTES
from tsunagu.runtime.aws.dynamodb import KEYS_PER_READ

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
STORED_ITEM_OVERHEAD_BYTES = 100
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sse-estimate-kms-usage-costs
DATA_KEY_SECONDS = 300
KMS_CALLS_PER_PUBLISHER = 2
BYTES_PER_GB, DAYS_PER_MONTH = 2**30, 30

Usage = Mapping[Component, float]


def usage(flow: Flow) -> Usage:
    """Return what one request uses, of each component that it uses at all; without `sweep_usage`."""
    stages = [_start(flow), _topic_keys(flow)]
    for step, stage in enumerate(flow.steps):
        stages += [_join(flow, step), _publish(flow, step + 1, batch=flow.batch / len(stage.services))]
        stages += [_service(flow, step, service) for service in stage.services]
    return _sum(*stages)


def item_usage(flow: Flow, sizes: ItemSizes, *, writes: int = 0) -> Usage:
    """Return what an item costs that is claimed, committed and completed.

    An update is billed by the larger of the item before and after it. The index holds keys, which do not change.

    Args:
        flow: The flow.
        sizes: The item.
        writes: Items that are written in a transaction with the commit. Default: none, and no transaction.
    """
    commit = write_units(max(sizes.claimed, sizes.committed))
    if writes:
        commit = TRANSACTIONAL * (commit + writes)
    complete = write_units(max(sizes.committed, sizes.completed))
    stored = (sizes.completed + STORED_ITEM_OVERHEAD_BYTES) / BYTES_PER_GB * flow.record_days / DAYS_PER_MONTH
    return {
        Component.DYNAMODB_WRITE: write_units(sizes.claimed) + commit + complete,
        Component.DYNAMODB_INDEX: 1,
        Component.DYNAMODB_STORAGE: stored,
        Component.DYNAMODB_RECOVERY: stored,
    }


def sweep_usage(flow: Flow) -> Usage:
    """Return what it costs to see that a run is done: its start and its last items are read, and its mark is removed.

    It is no part of `usage`, because it is the same wherever the payloads are. The index of open runs gets the mark
    with the commit of the start, and loses it here.
    """
    return {
        Component.DYNAMODB_READ: 1 + len(flow.steps[-1].services),
        Component.DYNAMODB_WRITE: write_units(start_item(flow).completed),
        Component.DYNAMODB_INDEX: 2,
    }


def _start(flow: Flow) -> Usage:
    durations = flow.durations
    objects = 0 if flow.has_inline(flow.request_bytes) else 1
    seconds = durations.work + 3 * durations.dynamodb + objects * durations.s3_put
    return _sum(
        _objects(flow, put=objects, get=0, size_bytes=flow.request_bytes),
        item_usage(flow, start_item(flow)),
        _publish(flow, 0, batch=1),
        _invocation(flow, seconds, batch=1),
    )


def _service(flow: Flow, step: int, service: str) -> Usage:
    results_before = len(flow.steps[step - 1].services) if step else 0
    requests_read = 0 if flow.has_inline(flow.request_bytes) else 1
    results_read = 0 if flow.has_inline(flow.result_bytes) else results_before
    written = 0 if flow.has_inline(flow.result_bytes) else 1
    return _sum(
        _objects(flow, put=written, get=requests_read + results_read, size_bytes=flow.result_bytes),
        item_usage(flow, service_item(flow, step, service), writes=flow.writes),
        _delivery(flow, step),
        _invocation(flow, _service_seconds(flow, step, requests_read + results_read, written), batch=flow.batch),
    )


def _service_seconds(flow: Flow, step: int, get: int, put: int) -> float:
    """Return the seconds of one invocation without its publishes.

    A batch is claimed and completed in one call each, and committed in one more where there are no writes. The items of
    siblings are read in as few calls as take their keys.
    """
    durations = flow.durations
    message = durations.work + get * durations.s3_get + put * durations.s3_put
    if flow.writes:
        message += durations.transaction
    reads = math.ceil(flow.batch * (len(flow.steps[step].services) - 1) / KEYS_PER_READ)
    calls = 2 + reads + (not flow.writes)
    return flow.batch * message + calls * durations.dynamodb


def _publish(flow: Flow, hop: int, *, batch: float) -> Usage:
    size_bytes = message_bytes(flow, hop)
    messages = _messages_of_call(size_bytes, max(1.0, batch), SNS_MESSAGE_BYTES)
    return {
        Component.SNS_PUBLISH: _billed(size_bytes, messages),
        Component.LAMBDA_DURATION: flow.durations.publish * flow.memory_gib / messages,
    }


def _delivery(flow: Flow, step: int) -> Usage:
    size_bytes = message_bytes(flow, step)
    return {
        Component.SQS_RECEIVE: _billed(size_bytes, _messages_of_call(size_bytes, flow.batch, SQS_MESSAGE_BYTES)),
        Component.SQS_DELETE: 1 / flow.batch,
    }


def _messages_of_call(size_bytes: int, batch: float, largest_call_bytes: int) -> float:
    """Return how many messages a call carries, when it would carry `batch` of them as far as it has room."""
    return min(batch, largest_call_bytes // size_bytes)


def _billed(size_bytes: int, messages: float) -> float:
    """Return the requests that one message is billed as, in a call of so many."""
    return billed_requests(messages * size_bytes) / messages


def _objects(flow: Flow, *, put: int, get: int, size_bytes: int) -> Usage:
    return {
        Component.S3_PUT: put,
        Component.S3_GET: get,
        Component.S3_KMS: (put + get) * CALLS_PAST_THE_BUCKET_KEY,
        Component.S3_STORAGE: put * size_bytes / BYTES_PER_GB * flow.claim_days / DAYS_PER_MONTH,
    }


def _join(flow: Flow, step: int) -> Usage:
    """Return the consistent reads of a step: each service reads the items of the others, and not its own.

    Of two services the later one finds the other completed; the earlier one finds the other claimed, or not there yet,
    which is billed as the smallest item.
    """
    services = flow.steps[step].services
    if len(services) == 1:
        return {}
    sizes = [service_item(flow, step, service) for service in services]
    units = sum(read_units(each.claimed) + read_units(each.completed) for each in sizes)
    return {Component.DYNAMODB_READ: units * (len(services) - 1) / 2}


def _invocation(flow: Flow, seconds: float, *, batch: int) -> Usage:
    return {
        Component.LAMBDA_REQUEST: 1 / batch,
        Component.LAMBDA_DURATION: seconds * flow.memory_gib / batch,
    }


def _topic_keys(flow: Flow) -> Usage:
    """Return the calls to the topics' keys: of the preprocessor, then of each step's services, for their data keys."""
    publishers = 1 + sum(len(step.services) for step in flow.steps)
    calls = flow.hours * 3_600 / DATA_KEY_SECONDS * KMS_CALLS_PER_PUBLISHER * publishers
    return {Component.SNS_KMS: calls / MILLION}


def _sum(*usages: Usage) -> Usage:
    components = [component for component in Component if any(component in each for each in usages)]
    return {component: sum(each.get(component, 0.0) for each in usages) for component in components}
