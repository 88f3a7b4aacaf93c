"""The ports of an actor: fakes whose calls are points of its stage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tests.explorer.schedule import Violation
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Commit, Outcome, Verdict
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult

if TYPE_CHECKING:
    from tests.explorer.actor import Actor
    from tests.explorer.queues import Queue

ResultT = TypeVar("ResultT")

UNAVAILABLE = Verdict(Outcome.UNAVAILABLE)
CANCELLED = Verdict(Outcome.CANCELLED)
NOT_CHANGED = FailedCall("sqs:ChangeMessageVisibility", "orders", "ServiceUnavailable")
GONE = SendResult(None, "ServiceUnavailable: gone")


@dataclass(slots=True)
class StorePort:
    """The item store. The journal checks every write."""

    actor: "Actor"

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        return self._write("inserts", new_items, self.actor.plant.store.insert, lambda item: item.id)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        return self._write("updates", changes, self.actor.plant.store.update, lambda change: change.item_id)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        plant = self.actor.plant

        def refuse() -> list[Item | Verdict | None]:
            return [UNAVAILABLE] * len(item_ids)

        failures = {"unavailable": refuse}
        return plant.store_point(self.actor, "reads items", lambda: plant.store.read(item_ids), failures)

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        plant = self.actor.plant
        names = [commit.change.item_id for commit in commits]

        def apply(token: str = token) -> list[Verdict]:
            return plant.journal.watch(self.actor, names, lambda: plant.store.transact(commits, token))

        gone = [UNAVAILABLE] * len(commits)
        failures: dict[str, Callable[[], list[Verdict]]] = {
            "unavailable": lambda: gone,
            "unanswered": lambda: first(gone, apply()),
            "answer lost, tried again": lambda: last(apply(), self.transact(commits, token)),
            "answer lost, token forgotten": lambda: last(apply(), self.transact(commits, f"{token}, later")),
            "conflict": lambda: [Verdict(Outcome.CONFLICT), *[CANCELLED] * (len(commits) - 1)],
        }
        if len(commits) > 1:
            failures["refused without reasons"] = lambda: [CANCELLED] * len(commits)
        return plant.store_point(self.actor, f"commits {len(commits)}", apply, failures)

    def _write(
        self,
        call: str,
        entries: Sequence[Any],
        write: Callable[[Sequence[Any]], list[Verdict]],
        name: Callable[[Any], str],
    ) -> list[Verdict]:
        plant = self.actor.plant
        names = [name(entry) for entry in entries]
        if len(set(names)) < len(names):
            raise Violation(f"the items of one call must be distinct, or DynamoDB refuses all of it, got {names}")

        def apply(some: Sequence[Any] = entries) -> list[Verdict]:
            return plant.journal.watch(self.actor, [name(entry) for entry in some], lambda: write(some))

        refused = [UNAVAILABLE] * len(entries)
        failures: dict[str, Callable[[], list[Verdict]]] = {
            "unavailable": lambda: refused,
            "unanswered": lambda: first(refused, apply()),
            "answer lost, tried again": lambda: last(apply(), self._write(call, entries, write, name)),
        }
        if len(entries) > 1:
            failures["first entry only"] = lambda: apply(entries[:1]) + refused[1:]
            failures["all but the first"] = lambda: [UNAVAILABLE, *apply(entries[1:])]
        return plant.store_point(self.actor, f"{call} {len(entries)} items", apply, failures)


@dataclass(slots=True)
class DeadLetterPort:
    """Sends to a dead-letter queue."""

    actor: "Actor"
    queue: "Queue"

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        if not messages:
            return []
        plant = self.actor.plant

        def apply() -> list[SendResult]:
            return self.queue.send(messages)

        gone = [GONE] * len(messages)
        failures = {
            "unavailable": lambda: gone,
            "unanswered": lambda: first(gone, apply()),
            "answer lost, tried again": lambda: last(apply(), apply()),
        }
        return plant.point(self.actor, f"sends {len(messages)} dead letters", apply, failures=failures)


@dataclass(slots=True)
class OutboxPort:
    """Sends outboxes to `take`."""

    actor: "Actor"
    take: Callable[[AddressedMessage], SendResult]

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        if not messages:
            return []
        plant = self.actor.plant

        def apply(some: Sequence[AddressedMessage] = messages) -> list[SendResult]:
            return [self.take(message) for message in some]

        gone = [GONE] * len(messages)
        failures = {
            "unavailable": lambda: gone,
            "unanswered": lambda: first(gone, apply()),
            "answer lost, tried again": lambda: last(apply(), apply()),
        }
        if len(messages) > 1:
            failures["first entry only"] = lambda: apply(messages[:1]) + gone[1:]
        return plant.point(self.actor, f"sends {len(messages)} on", apply, failures=failures)


@dataclass(slots=True)
class TopicPort:
    """Publishes notifications."""

    actor: "Actor"
    notifications: list[str]

    def notify(self, subject: str, message: str) -> None:
        plant = self.actor.plant

        def fail() -> None:
            raise UnavailableError(subject)

        def apply_unanswered() -> None:
            self.notifications.append(message)
            raise UnavailableError(subject)

        failures = {"unavailable": fail, "unanswered": apply_unanswered}
        plant.point(self.actor, "notifies", lambda: self.notifications.append(message), failures=failures)


@dataclass(slots=True)
class VisibilityPort:
    """Changes how long messages of a queue stay hidden."""

    actor: "Actor"
    queue: "Queue"

    def change(self, delays: Sequence[tuple[str, int]]) -> FailedCall | None:
        plant = self.actor.plant

        def apply() -> None:
            for handle, seconds in delays:
                self.queue.change(handle, seconds)

        return plant.point(
            self.actor, f"changes {len(delays)} visibilities", apply, failures={"unavailable": lambda: NOT_CHANGED}
        )


def first(result: ResultT, _ignored: object) -> ResultT:
    return result


def last(_ignored: object, result: ResultT) -> ResultT:
    return result
