"""Parked groups."""

from collections.abc import Callable, Sequence
from typing import Any

from tsunagu.contracts import groups, items
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.idempotency.store import BusinessWrite, Outcome, Verdict


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
