"""A message, as a business function sees it."""

from typing import TYPE_CHECKING

from tsunagu.runtime.idempotency.transaction import Transaction
from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.receiving.completion import Completion
from tsunagu.runtime.receiving.delivery import Delivery

if TYPE_CHECKING:
    from tsunagu.runtime.sending.outbox import Outbox


class Message(Writes):
    """One message, as a business function sees it.

    The writes, the messages for the outbox and the result that it collects are committed together with its completion
    when the function has returned. If the function raises, nothing of them happens.

    Args:
        delivery: The record that carries the message.
        completion: Completes the message.

    Attributes:
        delivery: The record that carries the message.
        fencing_token: Number that rises with each owner of the message. Hand it to effects outside DynamoDB, so that
            they can refuse a late worker.
        attempt: Number of this attempt, from 1.
    """

    __slots__ = ("_completion", "attempt", "delivery", "fencing_token")

    def __init__(self, delivery: Delivery, completion: Completion) -> None:
        super().__init__(completion.seal, completion.writes)
        self.delivery = delivery
        self.fencing_token = completion.claim.item.fence
        self.attempt = completion.claim.attempt
        self._completion = completion

    @property
    def request_id(self) -> str:
        """Identifier that follows the request through every hop."""
        return self.delivery.request_id

    @property
    def outbox(self) -> "Outbox":
        """What the message sends on, once it is completed."""
        return self._completion.outbox

    @property
    def result(self) -> str:
        """Text that the item keeps, once the message is completed. Default: none.

        Set it before a transaction ends. After its commit, it is refused by a `RuntimeError`.
        """
        return self._completion.result

    @result.setter
    def result(self, text: str) -> None:
        self._completion.result = text

    def transaction(self) -> Transaction:
        """Open a transaction that commits in a `with` block: for a function that needs its verdict at once.

        It commits the writes that were collected before, too. After the commit the message takes no more writes,
        messages or result: the effect stands, so nothing would bring them back after a crash.

        Raises:
            RuntimeError: It was opened before. A message has one transaction, because its commit completes the message.
        """
        return self._completion.open_transaction()

    def heartbeat(self, *, task_token: str | None = None) -> None:
        """Extend the lease of the message, hide the message for as long, and then send a heartbeat for its task.

        Call it more often than the lease is long, and than the `HeartbeatSeconds` of the task's state.

        Without `lease_seconds` the lease is as long as the invocation. Then nothing is written, and only the task gets
        a heartbeat: a worker that has lost its message does not learn so here.

        Args:
            task_token: Token of the Step Functions task that waits for this message. Default: no task waits.

        Raises:
            LeaseLostError: Another worker owns the message. Stop: nothing that you do from now on will be committed.
                The task got no heartbeat. Or the transaction was committed before: the message is done.
            TaskLostError: The task does not wait any more. Stop: nobody receives the outcome. As every
                `PermanentError`, it dead-letters the message unless the function catches it.
            UnavailableError: The lease was not extended; or it was, and Step Functions did not answer. A function may
                catch it and go on: if its lease has ended and another worker took over, it commits nothing.
        """
        self._completion.heartbeat(task_token)
