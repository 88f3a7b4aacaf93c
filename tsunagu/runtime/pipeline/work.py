"""`Work`: what the business function of a service sees of one run."""

from collections.abc import Mapping
from typing import Any

from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox


class Work(Writes):
    """The work on one run. Its writes are committed together with the run's completion.

    Attributes:
        request_id: The request. All runs of it have the same one.
        run_id: The run, which is one pass of the request through the steps: the business key. A replay has another one.
        results: JSON results of the services of the step before, by service name; empty at the first step.
        fencing_token: Number that rises with each owner of the run. Give it to systems outside DynamoDB, so that they
            can refuse a late worker.
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
        """Messages that the service sends besides its result. They are sent after it is done."""
        return self._message.outbox

    def heartbeat(self, *, task_token: str | None = None) -> None:
        """Report that the work goes on, like `Message.heartbeat`.

        Raises:
            LeaseLostError: Another worker owns the run: stop.
            TaskLostError: The Step Functions task does not wait any more.
            UnavailableError: The lease was not extended, or Step Functions did not answer.
        """
        self._message.heartbeat(task_token=task_token)
