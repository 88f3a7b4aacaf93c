"""The item store: its four operations, and the answer to each conditional write."""

import logging
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.retry import together_or_alone
from tsunagu.runtime.telemetry import error_fields

_logger = logging.getLogger(__name__)

_NONE: Mapping[str, Any] = MappingProxyType({})

Operation = Literal["Put", "Update", "Delete", "ConditionCheck"]


class Outcome(Enum):
    """The result of one conditional write."""

    APPLIED = auto()
    REFUSED = auto()  # the condition did not hold
    CONFLICT = auto()  # another transaction writes the item at this moment
    UNAVAILABLE = auto()  # no answer; the write may have been applied
    FAILED = auto()  # a write of the business function cannot be applied: its condition, or the write itself
    CANCELLED = auto()  # nothing was found wrong with it, but the transaction that it was part of was refused
    UNREADABLE = auto()  # only of a read: the item has another form, as one of another release may have


class Verdict(NamedTuple):
    """The store's answer to one conditional write.

    Attributes:
        outcome: What the store did.
        found: On REFUSED, the item as it is, if the store returned it and it can be read.
        error: On FAILED, what is wrong with the write.
        problem: On UNAVAILABLE and CONFLICT, the call that failed, if it is known.
        unreadable: On UNREADABLE, what is wrong with the item.
    """

    outcome: Outcome
    found: Item | None = None
    error: Exception | None = None
    problem: FailedCall | None = None
    unreadable: str = ""


class BusinessWrite(NamedTuple):
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
    names: Mapping[str, str] = _NONE
    values: Mapping[str, object] = _NONE


class Commit(NamedTuple):
    """The completion of one message and the writes of its business function: all of them are applied, or none.

    Attributes:
        change: The change that completes the message.
        writes: Writes of the business function.
    """

    change: Change
    writes: Sequence[BusinessWrite]


class ItemStore(Protocol):
    """Keeps idempotency items.

    Each call takes a batch, and returns one answer for each entry, in their order. Where the store does not answer, the
    entry is UNAVAILABLE; nothing is raised.
    """

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that do not exist yet. The ids are distinct."""
        ...

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently. None: there is no such item. A `Verdict`: no answer, or one that cannot be read."""
        ...

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes. The ids are distinct."""
        ...

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all `commits` in one transaction, or none of them.

        Args:
            commits: At most 100 changes and writes together, each of another item.
            token: A call with the token of an earlier one that was applied, and the same commits, changes nothing and
                has the same answer. DynamoDB remembers a token for 10 minutes.

        Returns:
            One verdict for each commit. If any is not APPLIED, nothing was applied; except that all are UNAVAILABLE
            when there was no answer. All are CANCELLED when the transaction was refused, and no reason names a commit.
        """
        ...


class IsolatedStore:
    """A store in which an entry that makes a call raise does not harm the other entries of the call.

    Args:
        store: The store behind it.
    """

    def __init__(self, store: ItemStore) -> None:
        self._store = store

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that do not exist yet."""
        return together_or_alone(self._store.insert, new_items, unanswered)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently."""
        return together_or_alone(self._store.read, item_ids, unanswered)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return together_or_alone(self._store.update, changes, unanswered)

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all `commits` in one transaction, or none of them."""
        try:
            return self._store.transact(commits, token)
        except Exception as error:  # noqa: BLE001 - what is wrong with one commit must not harm the others
            alone = Verdict(Outcome.FAILED, error=error)
            return [alone] if len(commits) == 1 else [Verdict(Outcome.CANCELLED)] * len(commits)


def unanswered(error: Exception) -> Verdict:
    """Return the verdict on a call that raised what no adapter knows, and log the place of the error."""
    _logger.error("call failed", extra=error_fields(error))
    return Verdict(Outcome.UNAVAILABLE)
