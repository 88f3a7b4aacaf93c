"""A small model of SQS: a queue that feeds a function, and its dead-letter queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.events.places import QUEUE_ARN

DEDUPLICATION_MS = 300_000

Now = Callable[[], int]


@dataclass(slots=True, kw_only=True)
class Stored:
    """A message in a queue.

    Attributes:
        deduplication_id: As it was sent with; empty on a standard queue.
        sent_ms: When it came into the queue.
        visible_ms: When it can be received next.
        receives: How often it was received.
        is_gone: It was deleted, or dead-lettered by SQS.
    """

    id: str
    body: str
    group: str | None = None
    attributes: Mapping[str, Attribute | str] = field(default_factory=dict)
    deduplication_id: str = ""
    sent_ms: int = 0
    visible_ms: int = 0
    receives: int = 0
    is_gone: bool = False

    @property
    def handle(self) -> str:
        """Receipt handle of the newest receive."""
        return f"{self.id}/{self.receives}"

    def record(self, queue_arn: str = QUEUE_ARN) -> dict[str, Any]:
        """Return the message as a record of an SQS event of a queue."""
        system = {"ApproximateReceiveCount": str(self.receives)}
        if self.group is not None:
            system |= {
                "MessageGroupId": self.group,
                "SequenceNumber": "1",
                "MessageDeduplicationId": self.deduplication_id or self.id,
            }
        return {
            "messageId": self.id,
            "receiptHandle": self.handle,
            "body": self.body,
            "attributes": system,
            "messageAttributes": {
                name: {"stringValue": str(value.value if isinstance(value, Attribute) else value), "dataType": "String"}
                for name, value in self.attributes.items()
            },
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
        }


class Queue:
    """A standard queue, or a FIFO one where messages have groups.

    A message in flight blocks its group. A FIFO queue skips copies with the same deduplication id for five minutes.
    """

    def __init__(self, name: str, now_ms: Now, *, visibility_seconds: int) -> None:
        self._name = name
        self._now_ms = now_ms
        self._visibility_ms = visibility_seconds * 1_000
        self._seen: dict[str, int] = {}
        self._numbers = count(1)
        self.messages: list[Stored] = []

    @property
    def waiting(self) -> list[Stored]:
        """Messages in the queue, in flight or not."""
        return [message for message in self.messages if not message.is_gone]

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Take messages as a sender's port does."""
        for message in messages:
            self.put(message)
        return [SendResult("sent")] * len(messages)

    def put(self, message: OutgoingMessage, message_id: str | None = None) -> Stored | None:
        """Take a message; None for a copy, which SQS answers in the same way."""
        now_ms = self._now_ms()
        known_ms = self._seen.get(message.deduplication_id or "")
        if known_ms is not None and now_ms - known_ms < DEDUPLICATION_MS:
            return None
        if message.deduplication_id is not None:
            self._seen[message.deduplication_id] = now_ms
        stored = Stored(
            id=message_id or f"{self._name}-{next(self._numbers)}",
            body=message.body,
            group=message.group_id,
            attributes=message.attributes,
            deduplication_id=message.deduplication_id or "",
            sent_ms=now_ms,
        )
        self.messages.append(stored)
        return stored

    def receivable(self) -> list[Stored]:
        """Messages that a receive may return now, in their order."""
        now_ms, waiting = self._now_ms(), self.waiting
        blocked = {message.group for message in waiting if message.group is not None and message.visible_ms > now_ms}
        return [message for message in waiting if message.visible_ms <= now_ms and message.group not in blocked]

    def receive(self, most: int) -> list[Stored]:
        """Receive up to `most` messages."""
        received = self.receivable()[:most]
        for message in received:
            message.receives += 1
            message.visible_ms = self._now_ms() + self._visibility_ms
        return received

    def delete(self, message_id: str) -> None:
        """Delete a message by its id."""
        # In SQS, the receipt handle of a late worker may fail to delete. Here it deletes, which is the harder case.
        for message in self.messages:
            if message.id == message_id:
                message.is_gone = True

    def change(self, handle: str, seconds: int) -> None:
        """Change the visibility of the newest receive; an older one's handle changes nothing."""
        for message in self.messages:
            if message.handle == handle and not message.is_gone:
                message.visible_ms = self._now_ms() + seconds * 1_000


class SourceQueue(Queue):
    """A queue that feeds a function.

    `max_receives` is the back-stop: after it, SQS itself dead-letters a message.
    """

    def __init__(self, now_ms: Now, *, visibility_seconds: int, max_receives: int, name: str = "back") -> None:
        super().__init__(name, now_ms, visibility_seconds=visibility_seconds)
        self._max_receives = max_receives
        self.set_aside: list[str] = []

    def receive(self, most: int) -> list[Stored]:
        """Receive up to `most` messages, after those that were received too often are set aside."""
        for message in self.receivable():
            if message.receives >= self._max_receives:
                message.is_gone = True
                self.set_aside.append(message.id)
        return super().receive(most)

    def redeliver(self) -> None:
        """Deliver again what is in flight, or what was deleted, as a standard queue may do at any time."""
        in_flight = [each for each in self.waiting if each.visible_ms > self._now_ms()]
        for message in in_flight or self.messages:
            message.is_gone = False
            message.visible_ms = 0
