"""A sandbox of Lambda that runs a real receiver."""

import io
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tsunagu.runtime.idempotency.parked_groups import GroupReader
from tsunagu.runtime.receiving import invocation
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.receiver import Ports, Receiver
from tsunagu.runtime.receiving.relay import OutboxSender
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.ports import DeadLetterPort, StorePort, TopicPort, VisibilityPort
from tsunagu.testing.explorer.queues import Queue, SourceQueue, Stored
from tsunagu.testing.explorer.schedule import Violation
from tsunagu.testing.explorer.stage import Actor
from tsunagu.testing.explorer.threads import Threads
from tsunagu.testing.fakes import FakeTasks

if TYPE_CHECKING:
    from tsunagu.testing.explorer.stage import Stage

FUNCTION_TIMEOUT_SECONDS = 10
GRACE_SECONDS = 2
VISIBILITY_SECONDS = 6 * FUNCTION_TIMEOUT_SECONDS


@dataclass(slots=True)
class SandboxClock:
    """The clock of a sandbox; it may be ahead of others."""

    stage: "Stage"
    skew_ms: int = 0

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.stage.ms + self.skew_ms

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return self.now_ms() * 1_000

    def sleep(self, seconds: float) -> None:
        """Move the clock of the stage."""
        self.stage.ms += int(seconds * 1_000)


class Sandbox(Actor, ABC):
    """Runs one invocation at a time; after a kill, a new process takes its place.

    Args:
        name: Its name.
        plant: Where it is.
        queue: What it receives from.
        skew_ms: Milliseconds by which its clock is ahead of the plant's.

    Attributes:
        clock: Its clock, which may step back.
        lease_end_ms: When the leases of its invocation end, by the plant's clock.
    """

    queue_arn = QUEUE_ARN

    def __init__(self, name: str, plant: "Stage", queue: SourceQueue, skew_ms: int = 0) -> None:
        super().__init__(name, plant)
        self.clock = SandboxClock(plant, skew_ms)
        self.queue = queue
        self.lease_end_ms = 0
        self._receiver: Receiver[Any] | None = None
        self._invocations = 0

    @property
    def skew_ms(self) -> int:
        """Milliseconds by which its clock is ahead of the stage's."""
        return self.clock.skew_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left, as the context of Lambda does."""
        return FUNCTION_TIMEOUT_SECONDS * 1_000

    def receive(self, most: int) -> None:
        """Begin an invocation with up to `most` messages, if there are any."""
        batch = self.queue.receive(most)
        if batch:
            self.plant.say(f"{self.name} receives {', '.join(message.id for message in batch)}")
            self._receiver = self._receiver or self.new_receiver()
            records = [message.record(self.queue_arn) for message in batch]
            self.lease_end_ms = self.plant.ms + (FUNCTION_TIMEOUT_SECONDS + GRACE_SECONDS) * 1_000
            self.start(lambda: self._invoke(records))

    def resume(self) -> None:
        """Continue, with threads that the schedule switches."""
        with patch.object(invocation, "ThreadPoolExecutor", partial(Threads, self)):
            super().resume()

    def died(self) -> None:
        """Forget the process."""
        super().died()
        self._receiver = None  # the next invocation has a process of its own

    def new_owner(self) -> str:
        """Return the token of a new invocation."""
        self._invocations += 1
        self.owner = f"{self.name}/{self._invocations}"
        return self.owner

    @abstractmethod
    def new_receiver(self) -> Receiver[Any]:
        """Return the receiver of a new process."""

    def acknowledges(self, message_id: str) -> None:
        """Check a message that is acknowledged."""

    def gives_back(self, messages: Sequence[Stored]) -> None:
        """Check messages that are to be delivered again."""

    def ports(
        self,
        outbox: OutboxSender,
        dead_letter_queue: Queue,
        notifications: list[str],
        groups: GroupReader | None = None,
    ) -> Ports:
        """Return the ports of a receiver of this sandbox; `groups` reads the groups that it parks, if it parks any."""
        return Ports(
            store=StorePort(self),
            outbox=outbox,
            channel=DeadLetterChannel(
                DeadLetterPort(self, dead_letter_queue), TopicPort(self, notifications), self.queue_arn
            ),
            visibility=VisibilityPort(self, self.queue),
            tasks=FakeTasks(),
            metrics=Metrics("Tsunagu", self.name, self.clock, io.StringIO()),
            clock=self.clock,
            new_owner=self.new_owner,
            rng=random.Random(7),
            groups=groups,
        )

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        assert self._receiver is not None
        response = self._receiver.receive({"Records": records}, self)
        self.plant.point(self, "answer", lambda: self._answer(records, response), faults=("die before",))

    def _answer(self, records: list[dict[str, Any]], response: dict[str, list[dict[str, str]]]) -> None:
        """Delete what the response does not name, as Lambda's poller does."""
        returned = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        received = [record["messageId"] for record in records]
        if not set(returned) <= set(received):
            raise Violation(f"the response must name messages of the batch {received}, got {returned}")
        acknowledged = [message_id for message_id in received if message_id not in returned]
        self.plant.say(f"{self.name} acknowledges {', '.join(acknowledged) or 'nothing'}")
        for message_id in acknowledged:
            self.acknowledges(message_id)
            self.queue.delete(message_id)
        self.gives_back([message for message in self.queue.messages if message.id in returned])
