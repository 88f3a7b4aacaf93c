"""A worker: one Lambda sandbox that runs the real receiver."""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lambdas.payments.service import Payment
from lambdas.runtime import invocation
from lambdas.runtime.dead_letters import DeadLetterChannel
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
        with patch.object(invocation, "ThreadPoolExecutor", partial(Threads, self)):
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
