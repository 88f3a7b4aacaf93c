"""Fakes of the ports of the runtime: a clock, a table, queues and topics in memory, with faults that a test plans."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from tsunagu.contracts import groups, items, schedules
from tsunagu.runtime.claim_check import KeptObject, ObjectExistsError, ObjectMissingError, OpenObject
from tsunagu.runtime.errors import ConditionFailedError, FailedCall, TaskLostError, UnavailableError
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.runtime.single_flight.job_lease import JobLease

AnswerT = TypeVar("AnswerT")

_ITEM_FIELDS = frozenset(each.name for each in fields(Item))

START_MS = 1_800_000_000_000
DENIED = FailedCall("dynamodb:PutItem", "effects", "AccessDeniedException", is_configuration_fault=True)


class Killed(SystemExit):
    """The process was killed here. The batch boundary lets `SystemExit` through, as it does in Lambda."""


class FakeClock:
    """A clock that tests move; a sleep moves it, and is noted."""

    def __init__(self) -> None:
        self.ms = START_MS
        self.slept_seconds: list[float] = []

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return self.ms * 1_000

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept_seconds.append(seconds)
        self.ms += int(seconds * 1_000)


class FakeJobs:
    """The leases of jobs in a dictionary, with the conditional writes that a state machine makes."""

    def __init__(self) -> None:
        self.leases: dict[str, JobLease] = {}
        self.broken = False

    def read(self, job: str) -> JobLease | None:
        """Return the lease of a job; while `broken`, there is no answer."""
        if self.broken:
            raise UnavailableError(job)
        return self.leases.get(job)

    def take(self, job: str, execution: str, slot: str, *, now_ms: int, bound_ms: int) -> JobLease | None:
        """Take the lease, if it is free and the last slot is before this one. Return it, or None if it is refused."""
        found = self.leases.get(job, JobLease(owner=schedules.FREE, run=0, slot="", lease=0, since=0))
        if (found.owner != schedules.FREE and found.lease >= now_ms) or found.slot >= slot:
            return None
        self.leases[job] = JobLease(
            owner=execution, run=found.run + 1, slot=slot, lease=now_ms + bound_ms, since=now_ms
        )
        return self.leases[job]

    def release(self, job: str, execution: str, run: int) -> bool:
        """Release the lease, if this execution holds it for this run; return whether it did."""
        found = self.leases.get(job)
        if found is None or not found.is_of(execution, run):
            return False
        self.leases[job] = replace(found, owner=schedules.FREE)
        return True

    def refuses(self, write: BusinessWrite) -> bool:
        """Return whether the check of a lease does not hold."""
        job = str(write.target[items.ID]).removesuffix(schedules.job_item_id(""))
        found = self.leases.get(job)
        return found is None or not found.is_of(str(write.values[":owner"]), int(str(write.values[":run"])))


class FakeTicker:
    """Beats when a test says so, and not otherwise, as a thread does that is frozen."""

    def __init__(self, tick: Callable[[], bool], every_seconds: float) -> None:
        self.tick = tick
        self.every_seconds = every_seconds
        self.is_stopped = False

    def stop(self) -> None:
        """End the beats."""
        self.is_stopped = True


class FakeGroups:
    """Group items and entries in a dictionary, with the writes that the runtime makes; reads them as `GroupReader`.

    Args:
        faulty: Makes a call, with the fault that is planned for it: that of `read groups`.
    """

    def __init__(self, faulty: Callable[[str, Callable[[], list[Verdict]], int], list[Verdict]]) -> None:
        self._faulty = faulty
        self.records: dict[str, dict[str, Any]] = {}

    def begin(self, wanted: Sequence[ParkedGroup]) -> Callable[[], list[ParkedGroup | Verdict]]:
        """Read groups when the answer is waited for."""

        def answer() -> list[ParkedGroup | Verdict]:
            verdicts = self._faulty("read groups", lambda: [Verdict(Outcome.APPLIED)] * len(wanted), len(wanted))
            pairs = zip(verdicts, wanted, strict=True)
            return [self.read(group) if v.outcome is Outcome.APPLIED else v for v, group in pairs]

        return answer

    def read(self, group: ParkedGroup) -> ParkedGroup:
        """Return a group as its item says."""
        found = self.records.get(group.id)
        return group if found is None else ParkedGroup(**{**found, groups.SKIPPED: tuple(found[groups.SKIPPED])})

    def group(self, queue_arn: str, group_id: str) -> ParkedGroup:
        """Return the group of a queue."""
        item_id = groups.group_item_id(queue_arn, group_id)
        return self.read(ParkedGroup(id=item_id, group_id=group_id, queue_arn=queue_arn))

    def entries(self, group: ParkedGroup) -> list[ParkedEntry]:
        """Return the entries of the numbers that a group waits for."""
        ids = [group.entry_id(number) for number in group.waiting]
        return [ParkedEntry(**self.records[each]) for each in ids]

    @staticmethod
    def has(write: BusinessWrite) -> bool:
        """Return whether a write is to a group item or an entry."""
        return str(write.target.get(items.ID, "")).startswith(groups.PREFIX)

    def refuses(self, write: BusinessWrite) -> bool:
        """Return whether the condition of a write does not hold."""
        found = self.records.get(str(write.target[items.ID]))
        if write.condition is None:
            return False
        if write.condition.startswith("attribute_not_exists"):
            return found is not None
        names = [part.split(" = ")[0].removeprefix("#") for part in write.condition.split(" AND ")]
        return found is None or any(found[name] != write.values[f":was_{name}"] for name in names)

    def apply(self, write: BusinessWrite) -> None:
        """Set the attributes that a write sets."""
        values = {name: write.values[f":{name}"] for name in write.names.values()}
        key = str(write.target[items.ID])
        self.records[key] = {**self.records.get(key, {}), **values, "id": key}

    def change(self, change: Change) -> Verdict:
        """Apply a conditional change."""
        found = self.records.get(change.item_id)
        if found is None or any(found[name] != value for name, value in change.where.items()):
            return Verdict(Outcome.REFUSED)
        found.update(change.values)
        return Verdict(Outcome.APPLIED)


class FakeItemStore:
    """The item store's protocol over a dictionary; a fault is planned by the name of the operation.

    * `unavailable`: the call is not applied.
    * `denied`: the call is not applied, because a permission is missing.
    * `unanswered`: the call is applied, and UNAVAILABLE is returned.
    * `answer_lost`: the call is applied twice, and the second verdict is returned, as by a retry of the SDK.
    * `killed_before`, `killed_after`: the process is killed before or after the call.

    `before_update` is called once before an update: another worker acts at this moment.
    """

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.others: dict[str, dict[str, Any]] = {}  # by item, the attributes that no `Item` has
        self.jobs = FakeJobs()
        self.groups = FakeGroups(self._faulty)
        self.effects: list[Mapping[str, object]] = []
        self.calls: list[str] = []
        self.faults: dict[str, list[str]] = {}
        self.before_update: Callable[[], object] | None = None
        self.transactions: list[list[str]] = []
        self.tokens: dict[str, list[Verdict]] = {}

    def plan(self, operation: str, *faults: str) -> None:
        """Plan faults for the next calls of an operation."""
        self.faults.setdefault(operation, []).extend(faults)

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Insert those items whose ids are free."""
        return self._faulty("insert", lambda: [self._insert(item) for item in new_items], len(new_items))

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items by their ids."""
        verdicts = self._faulty("read", lambda: [Verdict(Outcome.APPLIED)] * len(item_ids), len(item_ids))
        pairs = zip(verdicts, item_ids, strict=True)
        return [self.items.get(i) if v.outcome is Outcome.APPLIED else v for v, i in pairs]

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply those changes whose conditions hold."""
        move, self.before_update = self.before_update, None
        if move:
            move()
        return self._faulty("update", lambda: [self._update(change) for change in changes], len(changes))

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all changes and their business writes, or none."""
        self.transactions.append([commit.change.item_id for commit in commits])
        if token in self.tokens:
            return self._faulty("transact", lambda: self.tokens[token], len(commits))
        return self._faulty("transact", lambda: self._transact(commits, token), len(commits))

    def _transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        targets = [str(sorted(write.target.items())) for commit in commits for write in commit.writes]
        if len(commits) > 1 and len(set(targets)) < len(targets):
            return [Verdict(Outcome.CANCELLED)] * len(commits)  # an item twice: refused without reasons
        verdicts = [self._judge(commit) for commit in commits]
        if all(verdict.outcome is Outcome.CANCELLED for verdict in verdicts):
            for commit in commits:
                self._update(commit.change)
                for write in commit.writes:
                    if self.groups.has(write):
                        self.groups.apply(write)
                    elif write.operation != "ConditionCheck":
                        self.effects.append(write.target)
            verdicts = self.tokens[token] = [Verdict(Outcome.APPLIED)] * len(commits)
        return verdicts

    def _judge(self, commit: Commit) -> Verdict:
        found = self.items.get(commit.change.item_id)
        if not _holds(commit.change, found):
            return Verdict(Outcome.REFUSED, found)
        refused = [number for number, write in enumerate(commit.writes, start=1) if self._refuses(write)]
        if refused:
            msg = f"the conditions of the writes must hold, got writes {refused} of {len(commit.writes)} refused"
            return Verdict(Outcome.FAILED, error=ConditionFailedError(msg))
        return Verdict(Outcome.CANCELLED)

    def _refuses(self, write: BusinessWrite) -> bool:
        if str(write.target.get(items.ID, "")).endswith(schedules.job_item_id("")):
            return self.jobs.refuses(write)
        if self.groups.has(write):
            return self.groups.refuses(write)
        exists = write.target in self.effects
        return not exists if write.operation == "ConditionCheck" else write.condition is not None and exists

    def _faulty(self, operation: str, apply: Callable[[], list[Verdict]], size: int) -> list[Verdict]:
        self.calls.append(operation)
        fault = self.faults[operation].pop(0) if self.faults.get(operation) else ""
        if fault == "killed_before":
            raise Killed
        if fault == "unavailable":
            return [Verdict(Outcome.UNAVAILABLE)] * size
        if fault == "denied":
            return [Verdict(Outcome.UNAVAILABLE, problem=DENIED)] * size
        if fault == "conflict":
            return [Verdict(Outcome.CONFLICT)] * size
        verdicts = apply()
        if fault == "killed_after":
            raise Killed
        if fault == "unanswered":
            return [Verdict(Outcome.UNAVAILABLE)] * size
        return apply() if fault == "answer_lost" else verdicts

    def _insert(self, item: Item) -> Verdict:
        if item.id in self.items:
            return Verdict(Outcome.REFUSED)
        self.items[item.id] = item
        return Verdict(Outcome.APPLIED)

    def _update(self, change: Change) -> Verdict:
        if change.item_id.startswith(groups.PREFIX):
            return self.groups.change(change)
        found = self.items.get(change.item_id)
        if found is None or not _holds(change, found):
            return Verdict(Outcome.REFUSED, found)
        of_item: dict[str, Any] = {name: value for name, value in change.values.items() if name in _ITEM_FIELDS}
        self.items[change.item_id] = replace(found, **of_item)
        kept = {name: value for name, value in self._others(change).items() if name not in change.removed}
        self.others[change.item_id] = {**kept, **{n: v for n, v in change.values.items() if n not in _ITEM_FIELDS}}
        return Verdict(Outcome.APPLIED)

    def _others(self, change: Change) -> dict[str, Any]:
        return self.others.get(change.item_id, {})


def _holds(change: Change, found: Item | None) -> bool:
    return found is not None and all(getattr(found, name) == value for name, value in change.where.items())


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


@dataclass
class FakeObjectStore:
    """Versions of objects by key; `before` and `after` hold errors that the next call of a method raises."""

    versions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    before: dict[str, BaseException] = field(default_factory=dict)
    after: dict[str, BaseException] = field(default_factory=dict)
    bodies_read: int = 0

    def put(self, key: str, body: bytes, sha256: str) -> str:
        """Write a new object."""
        assert hashlib.sha256(body).hexdigest() == sha256
        return self._faulty("put", lambda: self._put(key, body))

    def find(self, key: str) -> KeptObject:
        """Find the newest version of an object."""
        return self._faulty("find", lambda: self._find(key))

    def open(self, key: str, version_id: str) -> OpenObject:
        """Open one version of an object."""
        return self._faulty("open", lambda: self._open(key, version_id))

    def overwrite(self, key: str, body: bytes) -> str:
        """Write another version, as somebody else may."""
        versions = self.versions.setdefault(key, {})
        version_id = f"v{len(versions) + 1}"
        versions[version_id] = body
        return version_id

    def _faulty(self, method: str, call: Callable[[], AnswerT]) -> AnswerT:
        if method in self.before:
            raise self.before.pop(method)
        answer = call()
        if method in self.after:
            raise self.after.pop(method)
        return answer

    def _put(self, key: str, body: bytes) -> str:
        if key in self.versions:
            raise ObjectExistsError(key)
        return self.overwrite(key, body)

    def _find(self, key: str) -> KeptObject:
        if key not in self.versions:
            raise ObjectMissingError(key)
        *_, (version_id, body) = self.versions[key].items()
        return KeptObject(version_id, hashlib.sha256(body).hexdigest())

    def _open(self, key: str, version_id: str) -> OpenObject:
        try:
            body = self.versions[key][version_id]
        except KeyError:
            raise ObjectMissingError(key) from None

        def read() -> bytes:
            self.bodies_read += 1
            return body

        return OpenObject(len(body), read)
