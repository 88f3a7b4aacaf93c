"""A standard queue in virtual time: visibility, receive counts, and a back-stop that sets messages aside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.tsunagu.runtime.world import record
from tsunagu.runtime.json_text import JsonObject
from tsunagu.testing.fakes import FakeClock

BATCH_SIZE = 10
POLL_SECONDS = 1.0

Handler = Callable[[Sequence[dict[str, Any]]], Iterable[str]]


@dataclass(slots=True)
class QueuedMessage:
    """One message of the queue."""

    body: JsonObject
    message_id: str
    visible_ms: int = 0
    receives: int = 0


class ModelQueue:
    """What SQS and Lambda's poller do with messages, as far as the back-stop is concerned.

    Attributes:
        waiting: Messages that were neither deleted nor set aside.
        set_aside: Keys of those that were received too often.
    """

    def __init__(self, clock: FakeClock, *, visibility_seconds: int, max_receive_count: int) -> None:
        self._clock = clock
        self._visibility_ms = visibility_seconds * 1_000
        self._max_receive_count = max_receive_count
        self.waiting: dict[str, QueuedMessage] = {}
        self.set_aside: list[str] = []

    def send(self, body: JsonObject) -> None:
        message_id = f"m-{len(self.waiting)}"
        self.waiting[message_id] = QueuedMessage(body, message_id)

    def change(self, delays: Mapping[str, int]) -> None:
        """Change visibilities, by receipt handle; those of messages that are gone are left alone."""
        for handle, seconds in delays.items():
            message = self.waiting.get(handle.removeprefix("handle-"))
            if message is not None:
                message.visible_ms = self._clock.ms + seconds * 1_000

    def poll(self, handler: Handler) -> None:
        """Hand one batch over, delete what `handler` does not return, and let a second go by."""
        batch = self._receive()
        if batch:
            records = [record(message.body, message.message_id) for message in batch]
            for each, message in zip(records, batch, strict=True):
                each["attributes"]["ApproximateReceiveCount"] = str(message.receives)
            returned = {*handler(records)}
            for message in batch:
                if message.message_id not in returned:
                    del self.waiting[message.message_id]
        self._clock.sleep(POLL_SECONDS)

    def _receive(self) -> list[QueuedMessage]:
        batch: list[QueuedMessage] = []
        for message in [*self.waiting.values()]:
            if message.visible_ms > self._clock.ms or len(batch) == BATCH_SIZE:
                continue
            if message.receives == self._max_receive_count:
                self.set_aside.append(str(message.body["order_id"]))
                del self.waiting[message.message_id]
                continue
            message.receives += 1
            message.visible_ms = self._clock.ms + self._visibility_ms
            batch.append(message)
        return batch
