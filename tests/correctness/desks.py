"""The deployed desks as tests see them: send orders, hold the mapping, look at effects and dead letters."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.payment_findings import FoundDeadLetter, find_dead_letters
from tests.correctness.soak import statuses
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import count_messages
from tsunagu.testing.patience import eventually


@dataclass(frozen=True, slots=True)
class Effect:
    """What an order came to.

    Attributes:
        count: How often it took effect.
        recorded_at: When it last did, in microseconds since the epoch.
        deliveries: How often its message had been delivered then.
    """

    count: int
    recorded_at: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One deployed desk: its queue, its dead-letter queue, its mapping and its tables."""

    cloud: EmbeddedCloud
    name: str
    outputs: Mapping[str, str]

    @property
    def queue_url(self) -> str:
        return self.outputs[f"{self.name}QueueUrl"]

    @property
    def dead_letter_queue_url(self) -> str:
        return self.outputs[f"{self.name}DeadLetterQueueUrl"]

    def send(self, *orders: Mapping[str, str], group: str) -> None:
        """Send orders in one call, which a batch receives together."""
        entries = [self._entry(index, order, group) for index, order in enumerate(orders)]
        answer = self.cloud.client("sqs").send_message_batch(QueueUrl=self.queue_url, Entries=entries)
        assert not answer.get("Failed"), answer

    def _entry(self, index: int, order: Mapping[str, str], group: str) -> dict[str, Any]:
        entry = {"Id": str(index), "MessageBody": json.dumps(order)}
        is_fifo = self.name.startswith("Fifo")
        return {**entry, "MessageGroupId": group, "MessageDeduplicationId": order["key"]} if is_fifo else entry

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing be delivered until the end of the block."""
        functions, mapping = self.cloud.client("lambda"), self.outputs[f"{self.name}MappingId"]
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=mapping, Enabled=True)

    def wait_until_empty(self, *, seconds: float = 60) -> None:
        eventually(lambda: count_messages(self.cloud.client("sqs"), self.queue_url) == 0, seconds=seconds)

    def effects(self, keys: Sequence[str]) -> list[int]:
        """Return how often each order took effect."""
        return [effect.count if effect else 0 for effect in map(self.effect, keys)]

    def effect(self, key: str) -> Effect | None:
        table_name = self.outputs["EffectsTableName"]
        answer = self.cloud.client("dynamodb").get_item(TableName=table_name, Key={"key": {"S": key}})
        item = answer.get("Item")
        return Effect(*(int(item[name]["N"]) for name in ("effects", "recorded_at", "deliveries"))) if item else None

    def dead_letters(self) -> list[FoundDeadLetter]:
        return find_dead_letters(self.cloud.client("sqs"), self.dead_letter_queue_url)

    def dead_keys(self) -> list[str]:
        """Return the keys of the orders in the dead-letter queue; copies are there as often as they are there."""
        return sorted(json.loads(letter.body)["key"] for letter in self.dead_letters())

    def statuses(self) -> dict[str, int]:
        return dict(statuses(self.cloud, self.outputs[f"{self.name}ItemsTableName"]))
