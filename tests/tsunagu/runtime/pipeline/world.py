"""A whole pipeline in a small world of fakes: a preprocessor, topics, queues, services, a completion topic."""

import io
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.tsunagu.runtime.world import QUEUE_ARN, TIMEOUT_SECONDS, FakeContext, record
from tsunagu.contracts import requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.messages import SERVICE_ATTRIBUTE
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.runtime.claim_check import ClaimCheck
from tsunagu.runtime.clock import new_request_id
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.commands import RequestCheck
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.join import JoiningSender
from tsunagu.runtime.pipeline.journal import Journal
from tsunagu.runtime.pipeline.open_runs import OpenRuns
from tsunagu.runtime.pipeline.plan import Planner
from tsunagu.runtime.pipeline.request_processor import RequestProcessor
from tsunagu.runtime.pipeline.run_marks import RunMarks
from tsunagu.runtime.pipeline.run_reader import RunReader
from tsunagu.runtime.pipeline.run_sweeper import RunSweeper, RunSweepReport
from tsunagu.runtime.pipeline.shape import Pipeline, PipelineStep, service_item_ids
from tsunagu.runtime.pipeline.start import Starter, StartPorts
from tsunagu.runtime.pipeline.start_receiver import StartReceiver
from tsunagu.runtime.pipeline.unfinished_run import UnfinishedRun
from tsunagu.runtime.pipeline.work import Work
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.receiver import Ports, Receiver, ReceiverConfig
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import (
    DENIED,
    FakeClock,
    FakeItemStore,
    FakeObjectStore,
    FakeQueue,
    FakeTasks,
    FakeTopic,
    FakeVisibility,
    Killed,
)

ORDERS = Pipeline(
    "orders",
    (
        PipelineStep("reserve", ("inventory", "billing"), "arn:aws:sns:eu-central-1:1:reserve"),
        PipelineStep("ship", ("shipping",), "arn:aws:sns:eu-central-1:1:ship"),
    ),
)
COMPLETION_TOPIC = "arn:aws:sns:eu-central-1:1:end"
INLINE_BYTES = 200
LARGEST_BYTES = 5_000
HOP_LIMIT = 5
WINDOW_SECONDS = 3_600
ORDER = {"order_id": "o-1"}
LARGE_ORDER = {"order_id": "o-1", "note": "n" * 500}

Business = Callable[[JsonObject, Work], object]


@dataclass
class FakeIndex:
    """Finds the records of a request at once, unless `behind`."""

    store: FakeItemStore
    behind: bool = False

    def item_ids(self, request_id: str) -> list[str]:
        if self.behind:
            return []
        return [item.id for item in self.store.items.values() if item.request_id == request_id]


@dataclass
class FakeOpenRunIndex:
    """Finds the starts that are marked as open, a page of one each."""

    store: FakeItemStore

    def pages(self, partition: str, until_ms: int) -> Iterator[Sequence[str]]:
        marks = {each: others for each, others in self.store.others.items() if others.get(requests.OPEN) == partition}
        due = sorted((others[requests.DUE], each) for each, others in marks.items())
        yield from ([each] for due_ms, each in due if due_ms <= until_ms)


@dataclass
class FakeTopics:
    """Publishes to the queues of the services; `faults` are those of the next sends, as of `FakeItemStore`."""

    published: list[AddressedMessage] = field(default_factory=list)
    queues: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        fault = self.faults.pop(0) if messages and self.faults else ""
        if fault == "killed_before":
            raise Killed
        if fault == "denied":
            return [SendResult(None, "AuthorizationError: no", call=DENIED)] * len(messages)
        if fault == "broken":
            call = FailedCall("sns:Publish", "topic", "ServiceUnavailable")
            return [SendResult(None, "ServiceUnavailable: a text of SNS", call=call)] * len(messages)
        for message in messages:
            self._publish(message)
        if fault == "killed_after":
            raise Killed
        if fault == "unanswered":
            return [SendResult(None, "ReadTimeout: gone")] * len(messages)
        return [SendResult("sent")] * len(messages)

    def _publish(self, message: AddressedMessage) -> None:
        self.published.append(message)
        content = message.outbox_message
        for step in ORDERS.steps:
            for service in step.services:
                only = content.attributes.get(SERVICE_ATTRIBUTE)
                if step.topic_arn == content.target and only in {None, service}:
                    self.put(service, content.body, content.attributes, content.group_id)

    def put(self, service: str, body: str, attributes: Mapping[str, str], tenant: str | None = None) -> None:
        queue = self.queues.setdefault(service, [])
        queue.append(record(body, f"m-{next(self.numbers)}", tenant=tenant, attributes=attributes))


class PipelineWorld:
    """The order pipeline; each call of `start` and each delivery is a worker of its own."""

    def __init__(self, pipeline: Pipeline = ORDERS) -> None:
        self.pipeline = pipeline
        self.place_of_starts = ""
        self.check: RequestCheck | None = None
        self.clock = FakeClock()
        self.store = FakeItemStore()
        self.objects = FakeObjectStore()
        self.topics = FakeTopics()
        self.index = FakeIndex(self.store)
        self.dead_letters = FakeQueue()
        self.runs: list[tuple[str, str]] = []
        self.seen: dict[str, Any] = {}
        self.business: dict[str, Business] = {
            "inventory": self._writing("inventory", lambda order, _: {"reserved": order["order_id"]}),
            "billing": self._writing("billing", lambda order, _: {"amount": len(order), "currency": "EUR"}),
            "shipping": self._writing("shipping", lambda _, work: {"shipped": dict(work.results)}),
        }
        self.journal = Journal(pipeline, self.store, self.index)
        self.metrics = io.StringIO()
        self._metrics = Metrics("Tsunagu", "orders", self.clock, self.metrics)
        self._numbers = itertools.count(1)
        self._random = random.Random(11)

    def _writing(self, name: str, work_out: Business) -> Business:
        def business(order: JsonObject, work: Work) -> object:
            self.runs.append((name, work.run_id))
            self.seen[name] = (order, dict(work.results))
            work.put("effects", {"service": name, "run_id": work.run_id})
            return work_out(order, work)

        return business

    def new_id(self) -> str:
        self.clock.ms += 1
        return new_request_id(self.clock.ms, self._random.randbytes(10))

    def claim_check(self) -> ClaimCheck:
        return ClaimCheck(self.objects, largest_bytes=LARGEST_BYTES)

    def planner(self) -> Planner:
        return Planner(self.journal, self.claim_check(), inline_bytes=INLINE_BYTES)

    def starter(self) -> Starter:
        ports = StartPorts(
            store=RunMarks(self.store, self.pipeline.name),
            outbox=self.topics,
            metrics=self._metrics,
            clock=self.clock,
            new_id=self.new_id,
            new_owner=lambda: f"starter-{next(self._numbers)}",
            rng=random.Random(7),
        )
        place = self.place_of_starts
        return Starter(
            self.pipeline, self.planner(), ports, window_seconds=WINDOW_SECONDS, place=place, check=self.check
        )

    def ask(self, **document: object) -> dict[str, str]:
        """Invoke the preprocessor."""
        return self.starter().answer(document, deadline_ms=self.clock.ms + TIMEOUT_SECONDS * 1_000)

    def start(self, payload: object = ORDER, **more: object) -> dict[str, str]:
        return self.ask(action="start", payload=payload, **more)

    def replay(self, request_id: str, from_step: str, **more: object) -> dict[str, str]:
        return self.ask(action="replay", request_id=request_id, from_step=from_step, **more)

    def entry(self) -> Receiver[Any]:
        starts = StartReceiver(self.pipeline, self.planner(), self.new_id, hop_limit=HOP_LIMIT, check=self.check)
        return Receiver(
            self._config("orders.start")._replace(receiver=self.place_of_starts),
            self._ports(self.topics)._replace(store=RunMarks(self.store, self.pipeline.name)),
            parse=starts.command,
            key=starts.key,
            process=starts.process,
            read=starts.read,
        )

    def place(self, step: PipelineStep, service: str) -> ServiceEnvironment:
        behind = self.pipeline.steps_from(step.name)[1:2]
        return ServiceEnvironment(
            pipeline=self.pipeline.name,
            step=step.name,
            service=service,
            siblings=",".join(step.services),
            next_step=behind[0].name if behind else "",
            next_topic_arn=behind[0].topic_arn if behind else COMPLETION_TOPIC,
            claim_bucket_name="claims",
            inline_bytes=INLINE_BYTES,
            largest_payload_bytes=LARGEST_BYTES,
            hop_limit=HOP_LIMIT,
        )

    def service(self, name: str) -> Receiver[Envelope]:
        step = next(step for step in self.pipeline.steps if name in step.services)
        processor: RequestProcessor[JsonObject] = RequestProcessor(
            self.place(step, name), self.claim_check(), parse=lambda order: order, function=self.business[name]
        )
        return Receiver(
            self._config(processor.scope),
            self._ports(JoiningSender(self.store, self.topics)),
            parse=processor.envelope,
            key=lambda envelope: envelope.run_id,
            process=processor.process,
        )

    def _config(self, scope: str) -> ReceiverConfig:
        return ReceiverConfig(
            scope=scope,
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=TIMEOUT_SECONDS,
            max_attempts=3,
            window_seconds=WINDOW_SECONDS,
        )

    def _ports(self, outbox: Any) -> Ports:
        return Ports(
            store=self.store,
            outbox=outbox,
            channel=DeadLetterChannel(self.dead_letters, FakeTopic(), QUEUE_ARN),
            visibility=FakeVisibility(),
            tasks=FakeTasks(),
            metrics=self._metrics,
            clock=self.clock,
            new_owner=lambda: f"worker-{next(self._numbers)}",
            rng=random.Random(7),
        )

    def deliver(self, service: str) -> list[str]:
        """Hand a service all that waits in its queue; what it gives back waits again. Return the ids of that."""
        waiting = self.topics.queues.pop(service, [])
        if not waiting:
            return []
        try:
            response = self.service(service).receive({"Records": waiting}, FakeContext())
        except Killed:
            self.topics.queues.setdefault(service, [])[:0] = waiting
            raise
        back = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        self.topics.queues.setdefault(service, [])[:0] = [each for each in waiting if each["messageId"] in back]
        return back

    def settle(self, rounds: int = 12) -> None:
        """Deliver everything until nothing waits; leases end between the rounds."""
        for _ in range(rounds):
            for service in ("inventory", "billing", "shipping"):
                try:
                    self.deliver(service)
                except Killed:
                    continue
            if not any(self.topics.queues.values()):
                return
            self.pass_lease()

    def pass_lease(self) -> None:
        self.clock.ms += (TIMEOUT_SECONDS + 3) * 1_000

    def open_runs(self, pipeline: Pipeline | None = None) -> OpenRuns:
        """Return the open runs, as a deployed pipeline sees them. Default: the one that started them."""
        deployed = pipeline or self.pipeline
        return OpenRuns(deployed.name, RunReader(deployed, self.store, self.index), FakeOpenRunIndex(self.store))

    def unfinished(self, pipeline: Pipeline | None = None) -> list[UnfinishedRun]:
        """Return the unfinished runs, oldest first."""
        runs = self.open_runs(pipeline)
        found = [run for each in runs.partitions for page in runs.pages(each, self.clock.ms) for run in page.unfinished]
        return sorted(found, key=lambda run: run.started_ms)

    def sweep(self, *, longest_run_seconds: int = 60, pipeline: Pipeline | None = None) -> RunSweepReport:
        """Run the sweeper of runs once."""
        runs = self.open_runs(pipeline)
        sweeper = RunSweeper(
            runs, self.store, self._metrics, self.clock, random.Random(5), longest_run_seconds=longest_run_seconds
        )
        return sweeper.run(self.clock.ms + 280_000)

    def open_starts(self) -> list[str]:
        """Return the ids of the starts that are in the index of open runs."""
        return [each for each, others in self.store.others.items() if requests.OPEN in others]

    def notifications(self) -> list[JsonObject]:
        return [
            json.loads(each.outbox_message.body)
            for each in self.topics.published
            if each.outbox_message.target == COMPLETION_TOPIC
        ]

    def bodies(self, topic: str) -> list[str]:
        return [each.outbox_message.body for each in self.topics.published if each.outbox_message.target == topic]

    def effects(self) -> list[tuple[object, object]]:
        return sorted((effect["service"], effect["run_id"]) for effect in self.store.effects)

    def item(self, run_id: str, service: str) -> Item | None:
        step = next(step for step in self.pipeline.steps if service in step.services)
        ids = service_item_ids(self.pipeline.name, step.name, [service], run_id=run_id)
        return self.store.items.get(ids[service])

    def status(self, run_id: str, service: str) -> Status | None:
        item = self.item(run_id, service)
        return item.status if item else None
