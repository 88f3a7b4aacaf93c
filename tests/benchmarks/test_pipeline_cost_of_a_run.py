"""The cost model against the runtime: what a run in a world of fakes calls, sends and keeps is what the model bills."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.cost.billing import item_bytes
from benchmarks.cost.load import Durations
from benchmarks.pipeline_cost.documents import (
    TOPIC_ARN,
    TRACE_HEADER,
    message_bytes,
    payload,
    service_item,
    start_item,
)
from benchmarks.pipeline_cost.flow import ORDER_STEPS, Flow
from benchmarks.pipeline_cost.prices import Component
from benchmarks.pipeline_cost.usage import usage
from tests.tsunagu.runtime.pipeline.world import INLINE_BYTES, FakeTopics, PipelineWorld
from tests.tsunagu.runtime.world import TIMEOUT_SECONDS
from tsunagu.runtime.aws.item_attributes import item_attributes, to_attribute
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Commit, Verdict
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.work import Work
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.testing.fakes import FakeItemStore, FakeObjectStore

START_MS = 1_780_123_456_711  # of as many digits as in the model, and no zero at the end of any time of the run
INSTANT = Durations(s3_put=0, s3_get=0, publish=0, dynamodb=0, transaction=0, work=0)
SINGLE = Flow(batch=1, inline_bytes=INLINE_BYTES, durations=INSTANT, memory_gib=1, request_bytes=190, result_bytes=100)
SINGLE_IN_S3 = replace(SINGLE, request_bytes=300, result_bytes=250)
FLOWS = [
    pytest.param(SINGLE, id="inline"),
    pytest.param(SINGLE_IN_S3, id="in-s3"),
    pytest.param(replace(SINGLE, request_bytes=300), id="request-in-s3"),
    pytest.param(replace(SINGLE, result_bytes=250), id="results-in-s3"),
    pytest.param(replace(SINGLE, writes=0), id="without-a-transaction"),
]


class MeasuredItemStore(FakeItemStore):
    """Keeps the size of each item behind each write, with owner and topic as long as deployed ones."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, dict[str, Any]] = {}
        self.sizes: dict[str, list[int]] = {}
        self.read_ids: list[str] = []

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        for item in new_items:
            self._measure(item.id, {**item_attributes(item), "owner": {"S": "o" * 32}})
        return super().insert(new_items)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        for change in changes:
            self._measure(change.item_id, {name: to_attribute(value) for name, value in change.values.items()})
        return super().update(changes)

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        for change in (commit.change for commit in commits):
            self._measure(change.item_id, {name: to_attribute(value) for name, value in change.values.items()})
        return super().transact(commits, token)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        self.read_ids += item_ids
        return super().read(item_ids)

    def _measure(self, item_id: str, values: Mapping[str, Any]) -> None:
        attributes = {**self.attributes.get(item_id, {}), **values}
        if "outbox" in attributes:
            attributes["outbox"] = {
                "S": re.sub('"target":"[^"]*"', f'"target":"{TOPIC_ARN}"', attributes["outbox"]["S"])
            }
        self.attributes[item_id] = attributes
        self.sizes.setdefault(item_id, []).append(item_bytes(attributes))


class CountedObjectStore(FakeObjectStore):
    """Counts its calls, and gives versions ids as long as S3's."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def overwrite(self, key: str, body: bytes) -> str:
        version_id = "v" * 32
        self.versions.setdefault(key, {})[version_id] = body
        return version_id

    def _faulty(self, method: str, call: Any) -> Any:
        self.calls.append(method)
        return super()._faulty(method, call)


class TracedTopics(FakeTopics):
    """Publishes with an X-Ray header, as SNS carries it into a queue."""

    def put(self, service: str, body: str, attributes: Mapping[str, str], tenant: str | None = None) -> None:
        super().put(service, body, attributes, tenant)
        self.queues[service][-1]["attributes"]["AWSTraceHeader"] = TRACE_HEADER


class Run:
    """As many requests as a batch of `flow` has, through the whole pipeline."""

    def __init__(self, flow: Flow) -> None:
        self.store, self.objects, self.topics = MeasuredItemStore(), CountedObjectStore(), TracedTopics()
        world = PipelineWorld()
        world.clock.ms = START_MS
        world.store, world.objects, world.topics = self.store, self.objects, self.topics

        def business(_: JsonObject, work: Work) -> object:
            for number in range(flow.writes):
                work.put("effects", {"number": number})
            return payload(flow.result_bytes)

        world.business = dict.fromkeys(world.business, business)
        for _ in range(flow.batch):
            world.starter().answer(
                {"action": "start", "payload": payload(flow.request_bytes)},
                deadline_ms=world.clock.ms + TIMEOUT_SECONDS * 1_000,
                trace_context=TRACE_HEADER,
            )
        world.settle()

    def sizes(self, scope: str) -> list[int]:
        (sizes,) = (sizes for item_id, sizes in self.store.sizes.items() if item_id.startswith(f"{scope}#"))
        return sizes

    def message_sizes(self) -> list[int]:
        sent = [message.outbox_message for message in self.topics.published]
        return [OutgoingMessage(body=each.body, attributes=each.attributes).size_bytes for each in sent]


def seconds(flow: Flow, **durations: float) -> float:
    """What all messages of a batch wait together for calls of the given durations."""
    gb_seconds = usage(replace(flow, durations=replace(INSTANT, **durations)))[Component.LAMBDA_DURATION]
    return gb_seconds * flow.batch


@pytest.mark.parametrize("flow", FLOWS)
def test_items_of_a_run_have_the_sizes_of_the_model(flow: Flow) -> None:
    run = Run(flow)

    start = start_item(flow)
    assert run.sizes("orders.start") == [start.claimed, start.committed, start.completed]
    for number, step in enumerate(ORDER_STEPS):
        for service in step.services:
            item = service_item(flow, number, service)
            sizes = run.sizes(f"orders.{step.name}.{service}")
            assert sizes == [item.claimed, item.committed, item.completed]


@pytest.mark.parametrize("flow", FLOWS)
def test_messages_of_a_run_have_the_sizes_of_the_model(flow: Flow) -> None:
    assert Run(flow).message_sizes() == [message_bytes(flow, hop) for hop in range(3)]


@pytest.mark.parametrize("flow", FLOWS)
def test_run_makes_the_calls_of_the_model(flow: Flow) -> None:
    run, used = Run(flow), usage(flow)

    assert run.objects.calls.count("put") == used[Component.S3_PUT] == seconds(flow, s3_put=1)
    assert run.objects.calls.count("open") == used[Component.S3_GET] == seconds(flow, s3_get=1)
    assert len(run.topics.published) == used[Component.SNS_PUBLISH] == seconds(flow, publish=1)
    assert len(run.store.read_ids) == used[Component.DYNAMODB_READ]
    assert len(run.store.sizes) == used[Component.DYNAMODB_INDEX]


@pytest.mark.parametrize("batch", [1, 2, 10])
@pytest.mark.parametrize("writes", [0, 1])
def test_batch_waits_for_the_calls_of_the_model(batch: int, writes: int) -> None:
    flow = replace(SINGLE, batch=batch, writes=writes)

    calls = Run(flow).store.calls

    assert calls.count("transact") == pytest.approx(seconds(flow, transaction=1))
    assert len(calls) - calls.count("transact") == pytest.approx(seconds(flow, dynamodb=1))
