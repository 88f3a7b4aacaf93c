"""The completion of one message: its writes, what it sends on, and its result, which are committed together."""

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from tsunagu.contracts.items import OUTBOX_AND_RESULT_BYTES
from tsunagu.runtime.errors import LeaseLostError, UnavailableError
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Verdict
from tsunagu.runtime.idempotency.transaction import Transaction
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.receiving.heartbeats import Heartbeats
from tsunagu.runtime.sending.seal import Seal

if TYPE_CHECKING:
    from tsunagu.runtime.sending.outbox import Outbox, OutboxMessage

_first_use = Lock()  # threads of a business function may use an outbox first: a second one would lose its messages


class Completion:
    """Completes one message: collects its writes, what it sends on, and its result, until they are committed.

    The business function fills it through its `Message`. The settlement takes it over when the function has returned.

    Args:
        message: The message of the batch.
        claim: The item of the message, which this invocation holds.
        idempotency: The items of this invocation.
        heartbeats: Extends the lease of the message.

    Attributes:
        claim: The item of the message, as this invocation's claim left it.
        seal: Refuses what comes after the completion was made.
        writes: Writes of the business function.
    """

    __slots__ = (
        "_heartbeats",
        "_idempotency",
        "_message",
        "_outbox",
        "_result",
        "_sealed",
        "_transaction",
        "claim",
        "seal",
        "writes",
    )

    def __init__(
        self, message: BatchMessage[Any], claim: Claim, idempotency: Idempotency, heartbeats: Heartbeats
    ) -> None:
        self.claim = claim
        self.seal = Seal()
        self.writes: list[BusinessWrite] = []
        self._outbox: Outbox | None = None
        self._result = ""
        self._message = message
        self._idempotency = idempotency
        self._heartbeats = heartbeats
        self._sealed: tuple[Sequence[OutboxMessage], str] | None = None
        self._transaction: Transaction | None = None

    @property
    def outbox(self) -> "Outbox":
        """What the message sends on."""
        with _first_use:
            if self._outbox is None:
                self._outbox = self._new_outbox()
            return self._outbox

    def _new_outbox(self) -> "Outbox":
        from tsunagu.runtime.sending.outbox import Outbox  # noqa: PLC0415 - most messages send nothing on

        delivery = self._message.deliveries[0]
        outbox = Outbox(delivery.request_id, delivery.trace_header, self.seal, traceparent=delivery.traceparent)
        if delivery.hop_count:
            outbox.count_hops(delivery.hop_count)
        return outbox

    @property
    def result(self) -> str:
        """Text that the item keeps. Default: none."""
        return self._result

    @result.setter
    def result(self, text: str) -> None:
        self.seal.check("the result")
        self._result = text

    def open_transaction(self) -> Transaction:
        """Open a transaction that commits its writes together with this completion.

        Raises:
            RuntimeError: It was opened before, or the business function has returned.
        """
        self.seal.check("a transaction")
        if self._transaction is not None:
            self.seal.refuse("a message has one transaction, because its commit completes it, got a second call")
        self._transaction = Transaction(self.claim, self._commit)
        return self._transaction

    def heartbeat(self, task_token: str | None) -> None:
        """Extend the lease, and send a heartbeat for the task of `task_token`, if there is one.

        Raises:
            LeaseLostError: Another worker owns the message; or the transaction was committed before.
            TaskLostError: The task does not wait any more.
            UnavailableError: DynamoDB or Step Functions did not answer.
        """
        try:
            self._heartbeats.beat(self._message, self.claim, task_token)
        except LeaseLostError as error:
            if not self.was_committed:
                raise
            msg = "a heartbeat must come before the transaction is committed, got one after: the message is done"
            raise LeaseLostError(msg) from error

    @property
    def was_committed(self) -> bool:
        """Whether the transaction was committed, and the message completed with it."""
        return self._transaction is not None and self._transaction.committed

    def change(self) -> Change:
        """Return the change of the item that completes the message; ends the collecting."""
        return self._idempotency.completed(self.claim, *self.collected())

    def collected(self) -> "tuple[Sequence[OutboxMessage], str]":
        """End the collecting; return what the message sends on, and its result.

        The first call decides: writes, messages and a result that come later are refused.

        Raises:
            TypeError: The result is not text.
            ValueError: Outbox and result are too large together; or a message sends the result, and there is none.
        """
        if self._sealed is None:
            self.seal.is_closed = True
            outbox = self._outbox.seal() if self._outbox is not None else ()
            _check(outbox, self._result)
            self._sealed = (outbox, self._result)
        return self._sealed

    def finish(self) -> None:
        """Check the transaction and end the collecting, when the business function has returned.

        What was refused is raised again here, so that a function cannot swallow it by accident.

        Raises:
            LeaseLostError: Another worker owns the message.
            UnavailableError: DynamoDB did not answer the transaction.
            RuntimeError: The transaction was opened, but no `with` block entered or left it; or something came after
                the commit.
            TypeError, ValueError: As `collected`.
        """
        late = self.seal.broken
        if self._transaction is not None:
            if not self._transaction.was_left:
                how = "entered and never left" if self._transaction.was_entered else "never entered"
                msg = f"a transaction must be used in a with block, got one that was {how}"
                raise RuntimeError(msg)
            if isinstance(self._transaction.failure, LeaseLostError | UnavailableError):
                raise self._transaction.failure
            late = late or self._transaction.late
        if late is not None:
            raise late
        self.collected()

    def _commit(self, writes: Sequence[BusinessWrite]) -> Verdict:
        """Commit the writes of a transaction, those that the message has collected, and the completion."""
        commit = Commit(self.change(), (*self.writes, *writes))
        verdict = self._idempotency.commit([commit])[0]
        if verdict.error is not None:  # nothing was committed, so the function may decide what is to be done instead
            self._sealed = None
            self.seal.is_closed = False
        return verdict


def _check(outbox: "Sequence[OutboxMessage]", result: object) -> None:
    if not isinstance(result, str):
        msg = f"the result of a message must be text, got {type(result).__name__}"
        raise TypeError(msg)
    if not result and any(message.is_result for message in outbox):
        msg = "the result of a message must be set where the outbox sends it, got none"
        raise ValueError(msg)
    size = (_size(outbox) if outbox else 0) + len(result.encode())
    if size > OUTBOX_AND_RESULT_BYTES:
        msg = f"outbox and result must have at most {OUTBOX_AND_RESULT_BYTES:,} bytes together, got {size:,}"
        raise ValueError(msg)


def _size(outbox: "Sequence[OutboxMessage]") -> int:
    from tsunagu.runtime.sending.outbox import encode  # noqa: PLC0415 - most messages send nothing on

    return len(encode(outbox).encode())
