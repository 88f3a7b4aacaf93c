"""The work of a service on one run, as its business function sees it."""

from collections.abc import Mapping
from typing import Any

from tsunagu.runtime.idempotency.transaction import Writes
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox


class Work(Writes):
    """One run in hand. What is asked to be written is committed with the completion, in one transaction, or not at all.

    Attributes:
        request_id: The request; the same in every run of it.
        run_id: This way of the request through the steps: the business key. A replay has another one.
        results: JSON results of the services of the step before, by service; empty at the first step.
        fencing_token: Number that rises with each owner of the run. Hand it to effects outside DynamoDB.
        attempt: Number of this attempt, from 1.
    """

    def __init__(self, envelope: Envelope, message: Message, results: Mapping[str, Any]) -> None:
        super().__init__()
        self.request_id = envelope.request_id
        self.run_id = envelope.run_id
        self.results = results
        self.fencing_token = message.fencing_token
        self.attempt = message.attempt
        self._message = message

    @property
    def outbox(self) -> Outbox:
        """What the service sends on besides its result, once it is done."""
        return self._message.outbox

    def heartbeat(self, *, task_token: str | None = None) -> None:
        """Say that the work goes on; as `Message.heartbeat`.

        Raises:
            LeaseLostError: Another worker owns the run: stop.
            TaskLostError: The task does not wait any more.
            UnavailableError: The lease was not extended, or Step Functions did not answer.
        """
        self._message.heartbeat(task_token=task_token)
