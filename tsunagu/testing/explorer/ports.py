"""The ports of an actor: fakes whose calls are points of its stage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tsunagu.runtime.claim_check import KeptObject, OpenObject
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.parked_groups import ParkedGroup
from tsunagu.runtime.idempotency.store import Commit, Outcome, Verdict
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.schedule import Violation
from tsunagu.testing.fakes import FakeObjectStore

if TYPE_CHECKING:
    from tsunagu.testing.explorer.queues import Queue
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")

UNAVAILABLE = Verdict(Outcome.UNAVAILABLE)
CANCELLED = Verdict(Outcome.CANCELLED)
NOT_CHANGED = FailedCall("sqs:ChangeMessageVisibility", "source", "ServiceUnavailable")
GONE = SendResult(None, "ServiceUnavailable: gone")


@dataclass(slots=True)
class StorePort:
    """The item store. The journal checks every write."""

    actor: "Actor"

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Insert new items."""
        return self._write("inserts", new_items, self.actor.plant.store.insert, lambda item: item.id)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return self._write("updates", changes, self.actor.plant.store.update, lambda change: change.item_id)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items by their ids."""
        plant = self.actor.plant

        def refuse() -> list[Item | Verdict | None]:
            return [UNAVAILABLE] * len(item_ids)

        failures = {"unavailable": refuse}
        return plant.store_point(self.actor, "reads items", lambda: plant.store.read(item_ids), failures)

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Commit changes together with their business writes."""
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
class GroupPort:
    """Reads group items: at the begin of the call, or when the answer is waited for. Both can happen."""

    actor: "Actor"
    is_early: bool

    def begin(self, wanted: Sequence[ParkedGroup]) -> Callable[[], list[ParkedGroup | Verdict]]:
        """Begin to read groups."""
        if not self.is_early:
            return lambda: self._read(wanted)
        answer = self._read(wanted)
        return lambda: answer

    def _read(self, wanted: Sequence[ParkedGroup]) -> list[ParkedGroup | Verdict]:
        plant = self.actor.plant

        def apply() -> list[ParkedGroup | Verdict]:
            return [plant.store.groups.read(group) for group in wanted]

        def refuse() -> list[ParkedGroup | Verdict]:
            return [UNAVAILABLE] * len(wanted)

        return plant.store_point(self.actor, "reads groups", apply, {"unavailable": refuse})


@dataclass(slots=True)
class DeadLetterPort:
    """Sends to a dead-letter queue."""

    actor: "Actor"
    queue: "Queue"

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Send dead letters."""
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
        """Send messages of outboxes."""
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
        """Publish one notification."""
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
        """Hide messages, by their receipt handles, for some seconds from now."""
        plant = self.actor.plant

        def apply() -> None:
            for handle, seconds in delays:
                self.queue.change(handle, seconds)

        return plant.point(
            self.actor, f"changes {len(delays)} visibilities", apply, failures={"unavailable": lambda: NOT_CHANGED}
        )


@dataclass(slots=True)
class ObjectPort:
    """The object store; every write of a key is a version of its own."""

    actor: "Actor"
    objects: FakeObjectStore

    def put(self, key: str, body: bytes, sha256: str) -> str:
        """Write a new object."""

        def apply() -> str:
            return self.objects.put(key, body, sha256)

        failures: dict[str, Callable[[], str]] = {
            "unavailable": unavailable,
            "unanswered": lambda: last(apply(), unavailable()),
            "answer lost, tried again": lambda: last(apply(), self.put(key, body, sha256)),
        }
        return self.actor.plant.point(self.actor, f"puts {_ending(key)}", apply, failures=failures)

    def find(self, key: str) -> KeptObject:
        """Find an object by its key."""
        return self._read(f"finds {_ending(key)}", lambda: self.objects.find(key))

    def open(self, key: str, version_id: str) -> OpenObject:
        """Open one version of an object."""

        def cut_short() -> OpenObject:
            return OpenObject(self.objects.open(key, version_id).size_bytes, unavailable)

        call = f"opens {_ending(key)}"
        return self._read(call, lambda: self.objects.open(key, version_id), {"body cut short": cut_short})

    def _read(
        self, call: str, apply: Callable[[], ResultT], more: dict[str, Callable[[], ResultT]] | None = None
    ) -> ResultT:
        failures: dict[str, Callable[[], ResultT]] = {"unavailable": unavailable, **(more or {})}
        return self.actor.plant.point(self.actor, call, apply, failures=failures)


@dataclass(slots=True)
class IndexPort:
    """The index by request id, which is moments behind."""

    actor: "Actor"

    def item_ids(self, request_id: str) -> list[str]:
        """Return the ids of a request's items."""
        plant = self.actor.plant

        def apply() -> list[str]:
            return [item.id for item in plant.store.items.values() if item.request_id == request_id]

        failures: dict[str, Callable[[], Any]] = {"unavailable": unavailable, "behind": list}
        return plant.point(self.actor, "looks up a request", apply, failures=failures)


def unavailable() -> NoReturn:
    """Fail as a call does that gets no answer."""
    msg = "no answer"
    raise UnavailableError(msg)


def first(result: ResultT, _ignored: object) -> ResultT:
    """Return the first of two results, both of which were made."""
    return result


def last(_ignored: object, result: ResultT) -> ResultT:
    """Return the last of two results, both of which were made."""
    return result


def _ending(key: str) -> str:
    """Return what is left of a key without its request."""
    return key.split("/", 2)[2]
