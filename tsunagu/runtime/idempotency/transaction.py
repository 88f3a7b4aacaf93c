"""The transaction: commits the writes of a business function together with the completion of its message.

So each effect in DynamoDB is written exactly once. An effect elsewhere is not part of the transaction, and happens at
least once.
"""

import random
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import LeaseLostError, MessageError, UnavailableError
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import BusinessWrite, ItemStore, Operation, Outcome
from tsunagu.runtime.retry import conflict_pause_seconds

TRIES = 4  # another transaction on the same item takes milliseconds


class Writes:
    """Writes of a business function, collected until they are committed together.

    At most 99 writes, of at most 4 MB together, each to another item
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
    """

    def __init__(self) -> None:
        self._writes: list[BusinessWrite] = []

    def put(
        self,
        table_name: str,
        item: Mapping[str, object],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Put `item`. Its values are plain Python values; numbers are `int` or `Decimal`."""
        self._add("Put", table_name, item, condition=condition, names=names, values=values)

    def update(
        self,
        table_name: str,
        key: Mapping[str, object],
        expression: str,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Update the item of `key` by an update expression."""
        self._add("Update", table_name, key, update=expression, condition=condition, names=names, values=values)

    def delete(
        self,
        table_name: str,
        key: Mapping[str, object],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Delete the item of `key`."""
        self._add("Delete", table_name, key, condition=condition, names=names, values=values)

    def check(
        self,
        table_name: str,
        key: Mapping[str, object],
        condition: str,
        *,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Write nothing, but commit only if `condition` holds for the item of `key`."""
        self._add("ConditionCheck", table_name, key, condition=condition, names=names, values=values)

    def collected(self) -> tuple[BusinessWrite, ...]:
        """Return the writes, in the order of the calls."""
        return tuple(self._writes)

    def _add(
        self,
        operation: Operation,
        table_name: str,
        target: Mapping[str, object],
        *,
        update: str | None = None,
        condition: str | None,
        names: Mapping[str, str] | None,
        values: Mapping[str, object] | None,
    ) -> None:
        self._writes.append(
            BusinessWrite(
                operation=operation,
                table_name=table_name,
                target=target,
                update=update,
                condition=condition,
                names=names or {},
                values=values or {},
            )
        )


class Transaction(Writes):
    """Commits writes together with the completion of the message, at the end of a `with` block.

    A block that raises commits nothing.

    Args:
        store: Writes to DynamoDB.
        clock: Pauses between tries.
        rng: Where the jitter of the pauses comes from.
        claim: The item of the message, which this worker holds.
        completion: Returns the change that completes the message; called when the block ends.

    Attributes:
        was_entered: Whether a `with` block was entered.
        committed: Whether the writes were committed and the message is completed.
        failure: Why the commit failed, if it was tried.

    Raises:
        LeaseLostError: At the end of the block: another worker owns the message.
        ConditionFailedError: At the end of the block: the condition of a write did not hold.
        UnavailableError: At the end of the block: DynamoDB did not answer, or refused to do it now.
    """

    def __init__(
        self,
        store: ItemStore,
        clock: Clock,
        rng: random.Random,
        claim: Claim,
        completion: Callable[[], Change],
    ) -> None:
        super().__init__()
        self._store = store
        self._clock = clock
        self._rng = rng
        self._claim = claim
        self._completion = completion
        self.was_entered = False
        self.committed = False
        self.failure: MessageError | None = None

    def extend(self, writes: Writes) -> None:
        """Add the writes that another object has collected."""
        self._writes += writes.collected()

    def __enter__(self) -> Self:
        """Enter the block.

        Raises:
            RuntimeError: The transaction was entered before. Its commit completes the message, so there is only one.
        """
        if self.was_entered:
            msg = "a transaction must be entered once, because its commit completes the message, got a second with"
            raise RuntimeError(msg)
        self.was_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, unless the block has raised."""
        if kind is None:
            try:
                self._commit()
            except MessageError as failure:
                self.failure = failure
                raise

    def _commit(self) -> None:
        completion = self._completion()
        verdict = self._store.transact(completion, self._writes)
        for attempt in range(1, TRIES):
            if verdict.outcome is not Outcome.CONFLICT:
                break
            self._clock.sleep(conflict_pause_seconds(attempt, self._rng))
            verdict = self._store.transact(completion, self._writes)
        if verdict.outcome in {Outcome.CONFLICT, Outcome.UNAVAILABLE}:
            msg = "DynamoDB must commit the transaction, got no answer, or a conflict with another transaction"
            raise UnavailableError(msg)
        if not self._claim.was_done(verdict):
            msg = "another worker owns the message"
            raise LeaseLostError(msg)
        self.committed = True
