"""The store of idempotency items: its operations, and the answer that each entry gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, Protocol

from tsunagu.runtime.idempotency.item import Change, Item

Operation = Literal["Put", "Update", "Delete", "ConditionCheck"]


class Outcome(Enum):
    """What the store did with one conditional write."""

    APPLIED = auto()
    REFUSED = auto()
    CONFLICT = auto()  # another transaction has the item in hand: moments
    UNAVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The store's answer to one conditional write.

    Attributes:
        outcome: What was done.
        found: On REFUSED, the item that stood in the way, where the store said.
    """

    outcome: Outcome
    found: Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessWrite:
    """One write of a business function, part of the transaction that completes its message.

    Attributes:
        operation: What it does.
        table_name: The table.
        target: The item to put, else the key of the item.
        update: Update expression, of an `Update` alone.
        condition: Condition expression. Default: none.
        names: Names of the expressions' `#` placeholders.
        values: Values of their `:` placeholders, as plain Python values.
    """

    operation: Operation
    table_name: str
    target: Mapping[str, object]
    update: str | None = None
    condition: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)


class ItemStore(Protocol):
    """Keeps idempotency items. Each call takes a batch, each entry has a verdict of its own; no outage is raised."""

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that are absent. The ids are distinct."""
        ...

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently; None where there is none, a `Verdict` where the store did not answer."""
        ...

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes. The ids are distinct."""
        ...

    def transact(self, change: Change, writes: Sequence[BusinessWrite]) -> Verdict:
        """Apply `change` and all `writes`, or nothing.

        Raises:
            ConditionFailedError: The condition of a business write did not hold.
        """
        ...
