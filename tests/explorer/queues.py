"""A small model of SQS: a queue that feeds a function, and its dead-letter queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.runtime.publish import OutgoingMessage, SendResult
from tests.lambdas.runtime.world import QUEUE_ARN

DEDUPLICATION_MS = 300_000

Now = Callable[[], int]


@dataclass(slots=True)
class Stored:
    """A message in a queue.

    Attributes:
        visible_ms: When it can be received next.
        receives: How often it was received.
        is_gone: It was deleted, or set aside.
    """

    id: str
    body: str
    group: str | None
    visible_ms: int = 0
    receives: int = 0
    is_gone: bool = False

    @property
    def handle(self) -> str:
        return f"{self.id}/{self.receives}"

    def record(self) -> dict[str, Any]:
        system = {"ApproximateReceiveCount": str(self.receives)}
        if self.group is not None:
            system |= {"MessageGroupId": self.group, "SequenceNumber": "1", "MessageDeduplicationId": self.id}
        return {
            "messageId": self.id,
            "receiptHandle": self.handle,
            "body": self.body,
            "attributes": system,
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": QUEUE_ARN,
        }


class SourceQueue:
    """The queue that the workers consume: standard, or FIFO where messages have groups.

    A message in flight blocks its group. `max_receives` is the back-stop: SQS itself sets a message aside after it.
    """

    def __init__(self, now_ms: Now, *, visibility_seconds: int, max_receives: int) -> None:
        self._now_ms = now_ms
        self._visibility_ms = visibility_seconds * 1_000
        self._max_receives = max_receives
        self.messages: list[Stored] = []
        self.set_aside: list[str] = []

    def send(self, message_id: str, body: str, group: str | None) -> None:
        self.messages.append(Stored(message_id, body, group))

    @property
    def is_empty(self) -> bool:
        return all(message.is_gone for message in self.messages)

    def receivable(self) -> list[Stored]:
        """Messages that a receive may return now, in their order."""
        now_ms = self._now_ms()
        waiting = [message for message in self.messages if not message.is_gone]
        blocked = {message.group for message in waiting if message.group is not None and message.visible_ms > now_ms}
        return [message for message in waiting if message.visible_ms <= now_ms and message.group not in blocked]

    def receive(self, most: int) -> list[Stored]:
        """Receive up to `most` messages; what was received too often is set aside instead."""
        received: list[Stored] = []
        for message in self.receivable():
            if len(received) == most:
                break
            if message.receives >= self._max_receives:
                message.is_gone = True
                self.set_aside.append(message.id)
                continue
            message.receives += 1
            message.visible_ms = self._now_ms() + self._visibility_ms
            received.append(message)
        return received

    def delete(self, message_id: str) -> None:
        # A late worker's receipt handle may delete nothing; that it would is the harder case.
        for message in self.messages:
            if message.id == message_id:
                message.is_gone = True

    def change(self, handle: str, seconds: int) -> None:
        """Change the visibility of the newest receive; an older one's handle changes nothing."""
        for message in self.messages:
            if message.handle == handle and not message.is_gone:
                message.visible_ms = self._now_ms() + seconds * 1_000

    def redeliver(self) -> None:
        """Deliver again what is in flight, and else what was deleted: a standard queue may, at any time."""
        in_flight = [each for each in self.messages if not each.is_gone and each.visible_ms > self._now_ms()]
        for message in in_flight or self.messages:
            message.is_gone = False
            message.visible_ms = 0


class DeadLetterQueue:
    """Takes dead letters; a FIFO one tells copies by their deduplication id for five minutes."""

    def __init__(self, now_ms: Now) -> None:
        self._now_ms = now_ms
        self._seen: dict[str, int] = {}
        self.letters: list[OutgoingMessage] = []

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        for message in messages:
            known_ms = self._seen.get(message.deduplication_id or "")
            if known_ms is not None and self._now_ms() - known_ms < DEDUPLICATION_MS:
                continue
            if message.deduplication_id is not None:
                self._seen[message.deduplication_id] = self._now_ms()
            self.letters.append(message)
        return [SendResult("sent")] * len(messages)
