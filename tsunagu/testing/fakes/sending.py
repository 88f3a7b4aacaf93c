"""What messages are sent to: queues, topics, outboxes, tasks; and the visibility of messages."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tsunagu.runtime.errors import FailedCall, TaskLostError, UnavailableError
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult


@dataclass
class FakeQueue:
    """Takes messages; while `broken`, or with a `fault`, it takes none."""

    sent: list[OutgoingMessage] = field(default_factory=list)
    broken: bool = False
    fault: FailedCall | None = None

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Take messages."""
        if self.broken or self.fault:
            return [SendResult(None, "ServiceUnavailable: gone", call=self.fault)] * len(messages)
        self.sent += messages
        return [SendResult(f"dead-{number}") for number in range(len(messages))]


@dataclass
class FakeTopic:
    """Takes notifications; while `broken`, or with a `fault`, it takes none."""

    published: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False
    fault: FailedCall | None = None

    def notify(self, subject: str, message: str) -> None:
        """Take a notification, which must be JSON."""
        if self.broken or self.fault:
            raise UnavailableError(subject, call=self.fault)
        self.published.append(json.loads(message))


@dataclass
class FakeOutboxSender:
    """Sends outboxes. A body of `never` is refused for good; while `broken`, nothing is sent."""

    sent: list[AddressedMessage] = field(default_factory=list)
    broken: bool = False
    fault: FailedCall | None = None

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Take messages of outboxes."""
        return [self._send(message) for message in messages]

    def _send(self, message: AddressedMessage) -> SendResult:
        if message.outbox_message.body == "never":
            return SendResult(None, "TaskTimedOut: spent", is_permanent=True)
        if self.broken or self.fault:
            return SendResult(None, "ServiceUnavailable: gone", call=self.fault)
        self.sent.append(message)
        return SendResult(f"sent-{len(self.sent)}")


@dataclass
class FakeVisibility:
    """Takes changes of visibility, in seconds by receipt handle; with a `fault`, it takes none."""

    changed: dict[str, int] = field(default_factory=dict)
    fault: FailedCall | None = None

    def change(self, delays: Iterable[tuple[str, int]]) -> FailedCall | None:
        """Take changes."""
        if self.fault is None:
            self.changed.update(delays)
        return self.fault


@dataclass
class FakeTasks:
    """Takes heartbeats. Those of a token in `lost` are refused for good; while `broken`, none is taken."""

    heard: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    broken: bool = False
    fault: FailedCall | None = None

    def heartbeat(self, token: str) -> None:
        """Take a heartbeat."""
        if self.broken or self.fault:
            raise UnavailableError(token, call=self.fault)
        if token in self.lost:
            msg = f"task {token} does not wait"
            raise TaskLostError(msg)
        self.heard.append(token)
