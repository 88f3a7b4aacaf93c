"""A worker: one Lambda sandbox that runs the real receiver."""

import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lambdas.payments.service import Payment
from lambdas.runtime import invocation, relay
from lambdas.runtime.dead_letters import DeadLetterChannel
from lambdas.runtime.message import Message
from lambdas.runtime.outbox import SEND_ROUNDS
from lambdas.runtime.publish import SendResult
from lambdas.runtime.receiver import Ports, Receiver, ReceiverSettings
from lambdas.runtime.telemetry import Metrics
from tests.explorer.actor import Actor
from tests.explorer.ports import DeadLetterPort, OutboxPort, StorePort, TopicPort, VisibilityPort
from tests.explorer.queues import Stored
from tests.explorer.threads import Threads
from tests.lambdas.runtime.world import QUEUE_ARN, FakeTasks

if TYPE_CHECKING:
    from tests.explorer.plant import Plant

FUNCTION_TIMEOUT_SECONDS = 10

Process = Callable[[Payment, Message], None]

# After the last disturbance: a visibility time-out, a lease with its grace, and the jitter of a deferred message.
LONGEST_WAIT_MS = (60 + 12 + 3) * 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What does not change in a plant.

    Attributes:
        process: Makes the business function of a worker.
        batch_size: Most messages in one invocation.
        max_attempts: Attempts after which a message is dead-lettered.
        max_receives: SQS's own back-stop.
        window_seconds: How long an item outlives its last change.
        deletes_abandoned: Whether somebody deletes items by hand as soon as their lease is over.
        lease_seconds: Length of a lease that heartbeats extend. Default: as long as the invocation.
        concurrency: Messages of a batch that run at the same time.
        send_rounds: Failed rounds of sends after which what a message sends on is given up.
        refusals: Messages that are refused when they are sent on, until the plant is mended, by their text.
        skew_ms: What each worker's clock is ahead of the plant's.
        longest_wait_ms: Longest time from the last disturbance until a valid message is acknowledged.
    """

    process: "Callable[[Worker], Process]"
    batch_size: int = 2
    max_attempts: int = 2
    max_receives: int = 100
    window_seconds: int = 3_600
    deletes_abandoned: bool = False
    lease_seconds: int | None = None
    concurrency: int = 1
    send_rounds: int = SEND_ROUNDS
    refusals: Mapping[str, SendResult] = field(default_factory=dict)
    skew_ms: tuple[int, int] = (0, 0)
    longest_wait_ms: int = LONGEST_WAIT_MS


@dataclass(slots=True)
class WorkerClock:
    """A worker's clock, which may be ahead of the others'."""

    plant: "Plant"
    skew_ms: int = 0

    def now_ms(self) -> int:
        return self.plant.ms + self.skew_ms

    def now_us(self) -> int:
        return self.now_ms() * 1_000

    def sleep(self, seconds: float) -> None:
        self.plant.ms += int(seconds * 1_000)


class Worker(Actor):
    """One Lambda sandbox: it runs one invocation at a time, and when it dies another takes its place.

    Attributes:
        clock: Its clock, which may step back.
        lease_end_ms: When the leases of its invocation end, by the plant's clock.
    """

    def __init__(self, name: str, plant: "Plant", skew_ms: int = 0) -> None:
        super().__init__(name, plant)
        self.clock = WorkerClock(plant, skew_ms)
        self.lease_end_ms = 0
        self._receiver: Receiver[Payment] | None = None
        self._invocations = 0

    def get_remaining_time_in_millis(self) -> int:
        return FUNCTION_TIMEOUT_SECONDS * 1_000

    def begin(self, batch: Sequence[Stored]) -> None:
        self._receiver = self._receiver or self._new_receiver()
        records = [message.record() for message in batch]
        self.lease_end_ms = self.plant.ms + FUNCTION_TIMEOUT_SECONDS * 1_000 + 2_000
        self.start(lambda: self._invoke(records))

    def resume(self) -> None:
        threads = patch.object(invocation, "ThreadPoolExecutor", partial(Threads, self))
        with threads, patch.object(relay, "SEND_ROUNDS", self.plant.setting.send_rounds):
            super().resume()

    def died(self) -> None:
        super().died()
        self._receiver = None  # the next invocation has a process of its own

    def new_owner(self) -> str:
        self._invocations += 1
        self.owner = f"{self.name}/{self._invocations}"
        return self.owner

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        assert self._receiver is not None
        response = self._receiver.receive({"Records": records}, self)
        self.plant.point(self, "answer", lambda: self.plant.answer(self, records, response), faults=("die before",))

    def _new_receiver(self) -> Receiver[Payment]:
        clock = self.clock
        setting = self.plant.setting
        channel = DeadLetterChannel(DeadLetterPort(self), TopicPort(self), QUEUE_ARN)
        ports = Ports(
            store=StorePort(self),
            outbox=OutboxPort(self),
            channel=channel,
            visibility=VisibilityPort(self),
            tasks=FakeTasks(),
            metrics=Metrics("Tsunagu", "payments", clock, io.StringIO()),
            clock=clock,
            new_owner=self.new_owner,
            rng=random.Random(7),
        )
        settings = ReceiverSettings(
            scope="payments",
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=setting.max_attempts,
            window_seconds=setting.window_seconds,
            lease_seconds=setting.lease_seconds,
            concurrency=setting.concurrency,
        )
        return Receiver(
            settings,
            ports,
            parse=Payment.from_json,
            key=lambda payment: payment.payment_id,
            process=setting.process(self),
        )
