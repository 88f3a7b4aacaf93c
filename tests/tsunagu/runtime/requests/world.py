"""Receivers of accepted requests with fakes: a table with their records, a bucket, a queue, and a clock."""

import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, QUEUE_ARN, TIMEOUT_SECONDS, FakeContext, record
from tsunagu.contracts.requests import message_body
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.model import parser
from tsunagu.runtime.receiving.receiver import Ports, ReceiverConfig
from tsunagu.runtime.requests.intake import body_parser
from tsunagu.runtime.requests.processor import RequestProcessor
from tsunagu.runtime.requests.receiver import RequestReceiver
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.requests.request import ProgressWriter, Request
from tsunagu.runtime.requests.results import Results, ResultSender
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import (
    FakeClock,
    FakeOutboxSender,
    FakeQueue,
    FakeTasks,
    FakeTopic,
    FakeVisibility,
    Killed,
)
from tsunagu.testing.requests import FakeRequestStore, FakeResultStore, accepted

SCOPE = "reports"
COMPLETIONS_ARN = "arn:aws:sns:eu-central-1:111122223333:completions"


@dataclass(frozen=True)
class Report:
    month: str
    seconds: int = 0


Function = Callable[[Report, Request], object]


def delivered(item_id: str, message_id: str = "m-1", **attributes: str) -> dict[str, Any]:
    """Return the record of an SQS event that the pipe or the sweeper has sent."""
    return record(message_body(item_id), message_id, attributes=attributes)


def event_of(request: RequestRecord, **changed: object) -> dict[str, object]:
    """Return the event of a gateway that invokes the function."""
    return {
        "tsunagu_request": 1,
        "request_id": request.request_id,
        "caller": request.caller,
        "body": request.body,
        "content_type": request.content_type,
        "accepted": request.accepted_ms,
        **changed,
    }


class RequestWorld:
    """Fakes, and the receivers of any number of workers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeRequestStore()
        self.results: FakeResultStore | None = FakeResultStore()
        self.dead_letter_queue = FakeQueue()
        self.topic = FakeTopic()
        self.outbox = FakeOutboxSender()
        self.visibility = FakeVisibility()
        self.metrics = io.StringIO()
        self.completion_topic_arn = COMPLETIONS_ARN
        self.concurrency = 1
        self.is_text = False
        self.runs: list[str] = []
        self._owners = 0

    def accept(self, month: str = "2026-10", **settings: Any) -> str:
        """Accept a request as the gateway does, and return the id of its record."""
        request = accepted(**{"body": json.dumps({"month": month}), "now_ms": self.clock.ms, **settings})
        assert self.store.accept(request)
        return request.item.id

    def work(self, report: Report, request: Request) -> dict[str, str]:
        self.runs.append(request.id)
        request.put("effects", {"id": request.id, "caller": request.caller})
        return {"month": report.month}

    def receiver(self, function: Callable[..., object] | None = None) -> RequestReceiver[Any]:
        ports = Ports(
            store=self.store,
            outbox=self.outbox,
            channel=DeadLetterChannel(self.dead_letter_queue, self.topic, QUEUE_ARN),
            visibility=self.visibility,
            tasks=FakeTasks(),
            metrics=Metrics("Tsunagu", SCOPE, self.clock, self.metrics),
            clock=self.clock,
            new_owner=self._owner,
            rng=random.Random(7),
        )
        if self.results is not None:
            ports = ports._replace(outbox=ResultSender(self.results, self.outbox))
        config = ReceiverConfig(
            scope=f"{SCOPE}@queue",
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
            window_seconds=3_600,
            concurrency=self.concurrency,
        )
        processor = RequestProcessor(
            function or self.work,
            Results(self.results, SCOPE),
            ProgressWriter(self.store, self.clock),
            scope=SCOPE,
            completion_topic_arn=self.completion_topic_arn,
        )
        parse = body_parser(str, is_text=True) if self.is_text else body_parser(parser(Report), is_text=False)
        return RequestReceiver(config, ports, self.store, scope=SCOPE, parse=parse, process=processor.process)

    def receive(self, *records: dict[str, Any], function: Callable[..., object] | None = None) -> list[str]:
        """Hand over a batch; return the message ids that SQS must deliver again."""
        response = self.receiver(function).receive({"Records": list(records)}, FakeContext())
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def receive_event(self, event: object, function: Callable[..., object] | None = None) -> None:
        """Hand over an event of the gateway."""
        assert self.receiver(function).receive(event, FakeContext()) == {"batchItemFailures": []}

    def receive_and_die(self, *records: dict[str, Any], function: Callable[..., object] | None = None) -> None:
        """Hand over a batch to a worker that is killed on the way."""
        try:
            self.receive(*records, function=function)
        except Killed:
            return
        msg = "the worker must be killed, got a response"
        raise AssertionError(msg)

    def pass_lease(self) -> None:
        self.clock.ms += (TIMEOUT_SECONDS + 3) * 1_000

    def shown(self, item_id: str) -> str:
        """Return the status that the caller is shown."""
        return str(self.store.record(item_id).shown_status(self.clock.ms))

    def published(self) -> list[dict[str, Any]]:
        """Return the completions that were published."""
        return [
            json.loads(message.outbox_message.body)
            for message in self.outbox.sent
            if message.outbox_message.target == COMPLETIONS_ARN
        ]

    def counted(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for line in self.metrics.getvalue().splitlines():
            for name, value in json.loads(line).items():
                if isinstance(value, int):
                    totals[name] = totals.get(name, 0) + value
        return totals

    def _owner(self) -> str:
        self._owners += 1
        return f"worker-{self._owners}"
