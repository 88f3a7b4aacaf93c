"""The item store: its four operations, and the answer to each conditional write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, Protocol

from tsunagu.runtime.idempotency.item import Change, Item

Operation = Literal["Put", "Update", "Delete", "ConditionCheck"]


class Outcome(Enum):
    """The result of one conditional write."""

    APPLIED = auto()
    REFUSED = auto()  # the condition did not hold
    CONFLICT = auto()  # another transaction writes the item at this moment
    UNAVAILABLE = auto()  # no answer; the write may have been applied


@dataclass(frozen=True, slots=True)
class Verdict:
    """The store's answer to one conditional write.

    Attributes:
        outcome: What the store did.
        found: On REFUSED, the item as it is, if the store returned it.
    """

    outcome: Outcome
    found: Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessWrite:
    """One write of a business function, in the transaction that completes its message.

    Attributes:
        operation: Kind of write.
        table_name: Name of the table.
        target: The item, for a `Put`; otherwise the key of the item.
        update: Update expression, for an `Update` only.
        condition: Condition expression. Default: none.
        names: Attribute names of the `#` placeholders in the expressions.
        values: Values of the `:` placeholders in the expressions, as plain Python values.
    """

    operation: Operation
    table_name: str
    target: Mapping[str, object]
    update: str | None = None
    condition: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)


class ItemStore(Protocol):
    """Keeps idempotency items.

    Each call takes a batch, and returns one answer for each entry, in their order. Where the store does not answer, the
    entry is UNAVAILABLE; nothing is raised.
    """

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that do not exist yet. The ids are distinct."""
        ...

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently. None: there is no such item. A `Verdict`: the store did not answer."""
        ...

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes. The ids are distinct."""
        ...

    def transact(self, change: Change, writes: Sequence[BusinessWrite]) -> Verdict:
        """Apply `change` and all `writes` together, or none of them.

        Raises:
            ConditionFailedError: The condition of a business write did not hold.
        """
        ...
