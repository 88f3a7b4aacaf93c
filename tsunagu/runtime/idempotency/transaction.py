"""The transaction of a `with` block: for a business function that must know at once whether its writes were committed.

Most functions need none: what they collect on their message is committed when they have returned.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from tsunagu.runtime.errors import FailedCall, LeaseLostError, MessageError, UnavailableError
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import BusinessWrite, Outcome, Verdict
from tsunagu.runtime.idempotency.writes import Writes


class Transaction(Writes):
    """Commits writes together with the completion of the message, at the end of a `with` block.

    It commits what the message has collected before, too. A block that raises commits nothing. After the commit the
    message takes no more writes, messages or result.

    Args:
        claim: The item of the message, which this worker holds.
        commit: Commits these writes and the completion of the message, or says why not.

    Attributes:
        was_entered: Whether a `with` block was entered.
        was_left: Whether it was left.
        committed: Whether the writes were committed and the message is completed.
        failure: Why the commit failed, if it was tried.

    Raises:
        LeaseLostError: At the end of the block: another worker owns the message.
        ConditionFailedError: At the end of the block: the condition of a write did not hold. Nothing was committed; the
            message takes writes, messages and a result as before.
        UnavailableError: At the end of the block: DynamoDB did not answer, or refused to do it now.
    """

    __slots__ = ("_claim", "_commit_writes", "committed", "failure", "was_entered", "was_left")

    def __init__(self, claim: Claim, commit: Callable[[tuple[BusinessWrite, ...]], Verdict]) -> None:
        super().__init__()
        self._claim = claim
        self._commit_writes = commit
        self.was_entered = False
        self.was_left = False
        self.committed = False
        self.failure: MessageError | None = None

    @property
    def late(self) -> RuntimeError | None:
        """The refusal of a write that came after the block, or of a second block; None when there was none."""
        return self._seal.broken

    def __enter__(self) -> Self:
        """Enter the block.

        Raises:
            RuntimeError: The transaction was entered before. Its commit completes the message, so there is only one.
        """
        if self.was_entered:
            self._seal.refuse("a transaction must be entered once, because it completes the message, got a second with")
        self.was_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, unless the block has raised."""
        self.was_left = True
        self._seal.is_closed = True
        if kind is None:
            try:
                self._commit()
            except MessageError as failure:
                self.failure = failure
                raise

    def _commit(self) -> None:
        verdict = self._commit_writes(self.collected())
        if verdict.error is not None:
            raise verdict.error
        if verdict.outcome in {Outcome.CONFLICT, Outcome.UNAVAILABLE}:
            raise not_committed(verdict.problem)
        if not self._claim.was_done(verdict):
            msg = "another worker owns the message"
            raise LeaseLostError(msg)
        self.committed = True


def not_committed(problem: FailedCall | None) -> UnavailableError:
    """Return the error of a commit that had no answer, or whose conflict did not end.

    Args:
        problem: The call that failed, if it is known.
    """
    got = problem or "no answer, or a conflict with another transaction"
    return UnavailableError(f"DynamoDB must commit the transaction, got {got}", call=problem)
