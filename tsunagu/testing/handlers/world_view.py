"""What a test looks at in a world: tables, messages, dead letters, notifications and metrics."""

import json
from typing import Any

from tsunagu.testing.fake_tables import FakeTable
from tsunagu.testing.handlers.seen import DeadLetter, SentOn
from tsunagu.testing.handlers.stage import HandlerStage


class WorldView:
    """Shows what a handler did in a world."""

    _stage: HandlerStage

    def table(self, name: str) -> FakeTable:
        """Return a table of the handler."""
        return self._stage.store.table(name)

    def items(self, name: str) -> list[dict[str, Any]]:
        """Return the items of a table of the handler, in the order in which they were first written."""
        return [dict(item) for item in self.table(name).items.values()]

    @property
    def sent(self) -> list[SentOn]:
        """What the outbox sent, in order. After a crash, it sends a copy with the same deduplication id."""
        return [SentOn.of(message) for message in self._stage.sent]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The messages in the dead-letter queue."""
        return [DeadLetter.of(letter) for letter in self._stage.dead_letter_queue.waiting]

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """What SNS was notified of: each lists dead letters with their reasons."""
        return [json.loads(text) for text in self._stage.notifications]

    @property
    def waiting(self) -> list[str]:
        """Ids of the messages that are in the handler's queue still."""
        return self._stage.left_over()

    @property
    def metrics(self) -> dict[str, int]:
        """The metrics that were counted, by name."""
        totals: dict[str, int] = {}
        for line in self._stage.metrics.getvalue().splitlines():
            for name, value in json.loads(line).items():
                if isinstance(value, int):
                    totals[name] = totals.get(name, 0) + value
        return totals

    @property
    def results(self) -> dict[str, bytes]:
        """For an accepted request: the stored results by key."""
        return {key: content for key, (content, _) in self._stage.results.objects.items()}
