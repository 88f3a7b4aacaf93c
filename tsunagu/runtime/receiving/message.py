"""A message as a business function sees it."""

from collections.abc import Callable, Sequence

from tsunagu.contracts.items import OUTBOX_AND_RESULT_BYTES
from tsunagu.runtime.errors import LeaseLostError, UnavailableError
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.transaction import Transaction
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.outbox import Outbox, OutboxMessage, encode


class Message:
    """One message in hand.

    Attributes:
        delivery: The record that carries it.
        fencing_token: Number that rises with each owner of the message. Hand it to effects outside DynamoDB, so that
            they can refuse a late worker.
        attempt: Number of this attempt, from 1.
        outbox: What the message sends on, once it is done.
        result: What its record keeps, once it is done; text. Set it before the transaction ends. Default: nothing.
    """

    def __init__(
        self,
        delivery: Delivery,
        claim: Claim,
        open_transaction: Callable[["Message"], Transaction],
        beat: Callable[[str | None], None],
    ) -> None:
        self.delivery = delivery
        self.fencing_token = claim.item.fence
        self.attempt = claim.attempt
        self.outbox = Outbox(delivery.request_id, delivery.trace_header)
        if delivery.hop_count:
            self.outbox.count_hops(delivery.hop_count)
        self.result = ""
        self._completion: tuple[tuple[OutboxMessage, ...], str] | None = None
        self._open_transaction = open_transaction
        self._beat = beat
        self._transaction: Transaction | None = None

    @property
    def request_id(self) -> str:
        """What follows the request through every hop."""
        return self.delivery.request_id

    def transaction(self) -> Transaction:
        """Open the transaction that holds the business's writes and the completion of this message.

        Raises:
            RuntimeError: The message has a transaction already, and its commit completes the message.
        """
        if self._transaction is not None:
            msg = "a message has one transaction, because its commit completes the message, got a second call"
            raise RuntimeError(msg)
        self._transaction = self._open_transaction(self)
        return self._transaction

    def heartbeat(self, *, task_token: str | None = None) -> None:
        """Say that the work goes on: extend its lease, hide the message for as long, and then tell its task.

        Call it more often than the lease is long, and than the `HeartbeatSeconds` of the task's state. Without
        `lease_seconds` the lease is as long as the invocation, and only the task hears of it: nothing is written, so a
        worker that lost the message does not learn it here.

        Args:
            task_token: The Step Functions task that waits for this message. Default: none does.

        Raises:
            LeaseLostError: Another worker owns the message: stop, whatever is done from now on will not count. The
                task was told nothing. Or the transaction was committed: the message is done, and has no lease any more.
            TaskLostError: The task does not wait any more: stop, nobody hears of the outcome. As every
                `PermanentError`, it dead-letters the message unless the function catches it.
            UnavailableError: The lease was not extended; or it was, and Step Functions did not answer. A function that
                catches it and works on is safe: without its lease it commits nothing.
        """
        try:
            self._beat(task_token)
        except LeaseLostError as error:
            if not self.was_committed:
                raise
            msg = "a heartbeat must come before the transaction is committed, got one after: the message is done"
            raise LeaseLostError(msg) from error

    def completion(self) -> tuple[tuple[OutboxMessage, ...], str]:
        """Return what the message sends on, and the result that its record keeps. What comes later does not count.

        Raises:
            TypeError: The result is no text.
            ValueError: The record has no room for both, or a message is to carry the result, and there is none.
        """
        if self._completion is None:
            outbox = self.outbox.seal()
            _check_completion(outbox, self.result)
            self._completion = (outbox, self.result)
        return self._completion

    @property
    def was_committed(self) -> bool:
        """Whether the transaction was committed, and with it the message completed."""
        return self._transaction is not None and self._transaction.committed

    def raise_lost_commit(self) -> None:
        """Raise what kept the transaction from committing, so that no function can swallow it by accident.

        Raises:
            LeaseLostError: Another worker owns the message.
            UnavailableError: DynamoDB did not take the transaction.
            RuntimeError: The transaction was opened, and no `with` block ever entered it.
        """
        if self._transaction is not None and not self._transaction.was_entered:
            msg = "a transaction must be used in a with block, got one that was never entered"
            raise RuntimeError(msg)
        failure = self._transaction.failure if self._transaction else None
        if isinstance(failure, LeaseLostError | UnavailableError):
            raise failure


def _check_completion(outbox: Sequence[OutboxMessage], result: object) -> None:
    if not isinstance(result, str):
        msg = f"the result of a message must be text, got {type(result).__name__}"
        raise TypeError(msg)
    if not result and any(message.is_result for message in outbox):
        msg = "the result of a message must be set where the outbox sends it, got none"
        raise ValueError(msg)
    size = len(encode(outbox).encode()) + len(result.encode())
    if size > OUTBOX_AND_RESULT_BYTES:
        msg = f"outbox and result must have at most {OUTBOX_AND_RESULT_BYTES:,} bytes together, got {size:,}"
        raise ValueError(msg)
