"""The item store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from tsunagu.contracts import groups, items, schedules
from tsunagu.runtime.errors import ConditionFailedError, FailedCall
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.testing.fakes.clock import Killed
from tsunagu.testing.fakes.groups import FakeGroups
from tsunagu.testing.fakes.jobs import FakeJobs

_ITEM_FIELDS = frozenset(each.name for each in fields(Item))

DENIED = FailedCall("dynamodb:PutItem", "effects", "AccessDeniedException", is_configuration_fault=True)


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
