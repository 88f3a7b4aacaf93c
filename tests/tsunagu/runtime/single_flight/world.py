"""The worker of a scheduled job with fakes: each delivery has a worker of its own."""

import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, QUEUE_ARN, FakeContext, record
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.receiver import Ports, Receiver, ReceiverConfig
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.runtime.single_flight.outcomes import FailureTeller, OutcomeSender
from tsunagu.runtime.single_flight.processor import RunProcessor
from tsunagu.runtime.single_flight.run import Run
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import (
    FakeClock,
    FakeItemStore,
    FakeOutboxSender,
    FakeQueue,
    FakeTasks,
    FakeTicker,
    FakeTopic,
    FakeVisibility,
    Killed,
)

JOB = "supplier-sync"
TABLE, QUEUE_URL = "items", "https://sqs/jobs.fifo"
EXECUTION = "arn:aws:states:eu-central-1:111122223333:execution:supplier-sync:1"
OTHER_EXECUTION = f"{EXECUTION}1"
SLOT = "2026-11-28T14:00:00Z"
NEXT_SLOT = "2026-11-28T14:01:00Z"
TOKEN = "token-1"
LEASE_SECONDS = 30
FUNCTION_TIMEOUT_SECONDS = 300
BOUND_MS = 3_600_000

Function = Callable[[Run], object]


class JobWorld:
    """A job whose first run holds the lease."""

    def __init__(self, store: FakeItemStore | None = None) -> None:
        self.clock = FakeClock()
        self.store = store or FakeItemStore()
        self.jobs = self.store.jobs
        self.dead_letter_queue = FakeQueue()
        self.topic = FakeTopic()
        self.outbox = FakeOutboxSender()
        self.visibility = FakeVisibility()
        self.tasks = FakeTasks()
        self.metrics = io.StringIO()
        self._counted = Metrics("Tsunagu", JOB, self.clock, self.metrics)
        self.ticker: FakeTicker | None = None
        self.seen: list[tuple[int, int, Any]] = []
        self._workers = 0
        self.take(EXECUTION, SLOT)

    def take(self, execution: str, slot: str) -> None:
        """Take the lease of the job, as its state machine does."""
        assert self.jobs.take(JOB, execution, slot, now_ms=self.clock.ms, bound_ms=BOUND_MS)

    def work(self, run: Run) -> object:
        """Write something, and return an outcome."""
        self.seen.append((run.number, run.slice, run.checkpoint))
        run.put("effects", {"run": run.number, "slice": run.slice})
        return {"prices": 2}

    def tick(self) -> bool:
        """Let the thread of the worker beat once."""
        assert self.ticker is not None
        assert not self.ticker.is_stopped
        return self.ticker.tick()

    def message(self, **changes: object) -> JobMessage:
        return replace(
            JobMessage(job=JOB, run=1, slot=SLOT, execution=EXECUTION, task_token=TOKEN, slice=0, checkpoint=None),
            **changes,  # type: ignore[arg-type]
        )

    def receive(
        self,
        message: JobMessage | JsonObject | None = None,
        function: Function | None = None,
        *,
        message_id: str = "m-1",
        remaining_ms: int = FUNCTION_TIMEOUT_SECONDS * 1_000,
    ) -> list[str]:
        """Hand a message to a worker; return the message ids that SQS must deliver again."""
        found = self.message() if message is None else message
        body = found.to_json() if isinstance(found, JobMessage) else json.dumps(found)
        broken: list[BaseException] = []
        processor = self._processor(_showing(function or self.work, broken))
        processor.deadline_ms = self.clock.ms + remaining_ms
        event = {"Records": [record(body, message_id, group=JOB)]}
        response = self._receiver(processor).receive(event, FakeContext(remaining_ms))
        for failure in broken:
            raise failure
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def receive_and_die(self, function: Function | None = None, message: JobMessage | None = None) -> None:
        """Hand a message to a worker that is killed on the way; time passes until its lease is over."""
        try:
            self.receive(message, function)
        except Killed:
            self.pass_lease()
            return
        msg = "the worker must be killed, got a response"
        raise AssertionError(msg)

    def pass_lease(self) -> None:
        self.clock.ms += (LEASE_SECONDS + 3) * 1_000

    def sent(self) -> list[AddressedMessage]:
        return self.outbox.sent

    def outcomes(self) -> list[tuple[str, str, str]]:
        """Return channel, target and text of what was sent."""
        return [
            (str(each.outbox_message.channel), each.outbox_message.target, each.outbox_message.body)
            for each in self.sent()
        ]

    def next_message(self) -> JobMessage:
        """Return the message of the next slice that was sent last."""
        return JobMessage.from_json(json.loads(self.sent()[-1].outbox_message.body))

    def counted(self, name: str) -> int:
        return sum(json.loads(line).get(name, 0) for line in self.metrics.getvalue().splitlines())

    def _processor(self, function: Function) -> RunProcessor:
        return RunProcessor(
            JOB,
            function,
            leases=self.jobs,
            tasks=self.tasks,
            metrics=self._counted,
            clock=self.clock,
            start_ticker=self._start_ticker,
            table_name=TABLE,
            queue_url=QUEUE_URL,
            lease_seconds=LEASE_SECONDS,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
        )

    def _receiver(self, processor: RunProcessor) -> Receiver[JobMessage]:
        config = ReceiverConfig(
            scope="supplier-sync@jobs.fifo",
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
            window_seconds=86_400,
            lease_seconds=LEASE_SECONDS,
        )
        channel = DeadLetterChannel(self.dead_letter_queue, self.topic, QUEUE_ARN)
        self._workers += 1
        owner = f"worker-{self._workers}"
        ports = Ports(
            store=self.store,
            outbox=OutcomeSender(self.outbox),
            channel=channel.telling(FailureTeller(self.outbox)),
            visibility=self.visibility,
            tasks=self.tasks,
            metrics=self._counted,
            clock=self.clock,
            new_owner=lambda: owner,
            rng=random.Random(7),
        )
        return Receiver(
            config,
            ports,
            parse=processor.parse,
            key=lambda job_message: job_message.key,
            process=processor.process,
        )

    def _start_ticker(self, tick: Callable[[], bool], every_seconds: float) -> FakeTicker:
        self.ticker = FakeTicker(tick, every_seconds)
        return self.ticker


def _showing(function: Function, broken: list[BaseException]) -> Function:
    """Return `function`, and put failed assertions of it into `broken`: the receiver takes them for failed attempts."""

    def shown(run: Run) -> object:
        try:
            return function(run)
        except (AssertionError, pytest.fail.Exception) as failure:
            broken.append(failure)
            raise

    return shown
