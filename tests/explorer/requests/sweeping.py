"""A sweeper that the schedule invokes each minute, and its ports: fakes whose calls are points of the plant."""

import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.explorer.requests.setting import MINUTE_MS, SCOPE
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.requests.open_request import DuePage, OpenRequest, RecordChange
from tsunagu.runtime.requests.settler import Letter
from tsunagu.runtime.requests.sweeper import Sweeper, SweeperPorts
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.explorer.ports import GONE, UNAVAILABLE, first, last, unavailable
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.sandbox import SandboxClock
from tsunagu.testing.explorer.stage import Actor
from tsunagu.testing.open_requests import OpenRecords

if TYPE_CHECKING:
    from tests.explorer.requests.plant import RequestPlant

RUN_MS = 50_000
LETTERS_PER_RECEIVE = 10
NOT_GIVEN_BACK = FailedCall("sqs:ChangeMessageVisibility", "dead", "ServiceUnavailable")


class SweeperProcess(Actor):
    """Runs the sweeper.

    Attributes:
        next_ms: When the schedule invokes it next.
    """

    plant: "RequestPlant"

    def __init__(self, name: str, plant: "RequestPlant") -> None:
        super().__init__(name, plant)
        self.next_ms = plant.ms + MINUTE_MS

    def begin(self) -> None:
        """Run once."""
        self.next_ms = self.plant.ms + MINUTE_MS
        self.start(self._run)

    def _run(self) -> None:
        clock = SandboxClock(self.plant)
        ports = SweeperPorts(
            records=OpenPort(self),
            queue=ResendPort(self),
            queue_age=AgePort(self),
            completions=CompletionPort(self),
            letters=LetterPort(self),
            metrics=Metrics("Tsunagu", self.name, clock, io.StringIO()),
            clock=clock,
            rng=random.Random(7),
        )
        setting = self.plant.setting
        Sweeper(SCOPE, setting.rules, ports, max_receive_count=setting.max_receives).run(self.plant.ms + RUN_MS)


@dataclass(slots=True)
class OpenPort:
    """The records of open requests."""

    actor: "SweeperProcess"

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return what is due. Nothing is explored where nothing can be due."""
        plant = self.actor.plant

        def apply() -> DuePage:
            return OpenRecords(plant.store).find_due(partition, now_ms, start)

        if partition not in plant.partitions:
            return apply()
        return plant.store_point(self.actor, "looks for what is due", apply, {"unavailable": unavailable})

    def read(self, item_ids: Sequence[str]) -> list[OpenRequest | Verdict | None]:
        """Read records."""
        plant = self.actor.plant

        def apply() -> list[OpenRequest | Verdict | None]:
            return OpenRecords(plant.store).read(item_ids)

        failures: dict[str, Any] = {"unavailable": lambda: [UNAVAILABLE] * len(item_ids)}
        return plant.store_point(self.actor, "reads open requests", apply, failures)

    def change(self, changes: Sequence[RecordChange]) -> list[Verdict]:
        """Apply each change by a call of its own."""
        return [self._change(change) for change in changes]

    def _change(self, change: RecordChange) -> Verdict:
        plant = self.actor.plant

        def apply() -> Verdict:
            def write() -> Verdict:
                return OpenRecords(plant.store).change([change])[0]

            return plant.journal.watch(self.actor, [change.item_id], write)

        failures = {
            "unavailable": lambda: UNAVAILABLE,
            "unanswered": lambda: first(UNAVAILABLE, apply()),
            "answer lost, tried again": lambda: last(apply(), apply()),
        }
        return plant.store_point(self.actor, f"sets {', '.join(change.values)}", apply, failures)


@dataclass(slots=True)
class _SenderPort:
    """Sends messages, one call for all."""

    actor: "SweeperProcess"

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Send messages."""
        if not messages:
            return []

        def apply() -> list[SendResult]:
            return [self._take(message) for message in messages]

        gone = [GONE] * len(messages)
        failures = {
            "unavailable": lambda: gone,
            "unanswered": lambda: first(gone, apply()),
            "answer lost, tried again": lambda: last(apply(), apply()),
        }
        return self.actor.plant.point(self.actor, f"{self._verb} {len(messages)}", apply, failures=failures)

    _verb = ""

    def _take(self, message: OutgoingMessage) -> SendResult:
        raise NotImplementedError


class ResendPort(_SenderPort):
    """Sends requests again."""

    _verb = "sends again"

    def _take(self, message: OutgoingMessage) -> SendResult:
        self.actor.plant.journal.sent_again(message)
        self.actor.plant.queue.put(message)
        return SendResult("sent")


class CompletionPort(_SenderPort):
    """Publishes how requests ended."""

    _verb = "publishes"

    def _take(self, message: OutgoingMessage) -> SendResult:
        self.actor.plant.journal.published_by_sweeper(message)
        return SendResult("sent")


@dataclass(slots=True)
class AgePort:
    """The age of the oldest message of the queue."""

    actor: "SweeperProcess"

    def oldest_ms(self) -> int:
        """Return it."""
        plant = self.actor.plant

        def apply() -> int:
            return max((plant.ms - message.sent_ms for message in plant.queue.waiting), default=0)

        failures: dict[str, Callable[[], int]] = {"unavailable": unavailable}
        return plant.point(self.actor, "asks how old the queue is", apply, failures=failures)


@dataclass(slots=True)
class LetterPort:
    """The dead-letter queue."""

    actor: "SweeperProcess"

    def receive(self) -> list[Letter]:
        """Return letters. Nothing is explored where there are none."""
        plant = self.actor.plant

        def apply() -> list[Letter]:
            return [_letter(stored) for stored in plant.dead_letter_queue.receive(LETTERS_PER_RECEIVE)]

        if not plant.dead_letter_queue.receivable():
            return []
        failures: dict[str, Callable[[], list[Letter]]] = {
            "unavailable": unavailable,
            "unanswered": lambda: last(apply(), unavailable()),
        }
        return plant.point(self.actor, "looks at letters", apply, failures=failures)

    def give_back(self, letters: Sequence[Letter]) -> FailedCall | None:
        """Show letters again."""
        plant = self.actor.plant

        def apply() -> None:
            for letter in letters:
                plant.dead_letter_queue.change(letter.receipt_handle, 0)

        failures: Mapping[str, Callable[[], FailedCall | None]] = {"unavailable": lambda: NOT_GIVEN_BACK}
        return plant.point(self.actor, "gives letters back", apply, failures=failures)


def _letter(stored: Stored) -> Letter:
    ours = {DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE}
    return Letter(
        message_id=stored.id,
        receipt_handle=stored.handle,
        body=stored.body,
        has_reason=bool(ours & stored.attributes.keys()),
        sent_ms=stored.sent_ms,
    )
