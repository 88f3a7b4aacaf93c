"""`Request`: what the business function sees of one accepted request."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import PROGRESS, PROGRESS_CHARACTERS
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import LeaseLostError
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.store import ItemStore, Outcome
from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.requests.results import Result, check_attachment_name
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.telemetry import call_fields

_logger = logging.getLogger(__name__)


class ProgressWriter:
    """Writes the progress of requests into their records.

    Args:
        store: Keeps the records.
        clock: The time.
    """

    def __init__(self, store: ItemStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def write(self, item_id: str, fencing_token: int, text: str) -> None:
        """Write the progress of a request, if the attempt of this fencing token still holds it.

        Raises:
            LeaseLostError: Another worker owns the request, or it has ended.
        """
        change = Change(
            item_id=item_id,
            values={PROGRESS: text, items.UPDATED: self._clock.now_ms()},
            where={items.FENCE: fencing_token, items.STATUS: Status.INPROGRESS},
        )
        verdict = self._store.update([change])[0]
        if verdict.outcome is Outcome.REFUSED:
            msg = "another worker owns the request, or it has ended"
            raise LeaseLostError(msg)
        if verdict.outcome is not Outcome.APPLIED:  # the work goes on: progress is for a reader, and not an effect
            _logger.warning("progress not written", extra=call_fields(verdict.problem))


class Request(Writes):
    """One accepted request, as a business function sees it.

    The writes, the messages for the outbox, the result and the attachments are committed together when the function has
    returned. If the function raises, nothing of them happens.

    Attributes:
        id: Id of the request, as its caller knows it. Another caller may have a request with the same id.
        caller: Who sent it: an IAM principal, the `sub` of a token, the principal of an authorizer, or the id of an API
            key; `public` where nobody is authenticated.
        accepted_at: When the gateway accepted it, in UTC.
        body: Text of the body, as it was received: the signature of a webhook is that of this text.
        content_type: Content type of the body; empty where the caller gave none.
        headers: The headers that the API was told to keep, by their names in lower case.
        fencing_token: Number that rises with each owner of the request. Give it to systems outside DynamoDB, so that
            they can refuse a late worker.
        attempt: Number of this attempt, from 1.
    """

    def __init__(self, record: RequestRecord, message: Message, progress: ProgressWriter) -> None:
        super().__init__()
        self.id = record.request_id
        self.caller = record.caller
        self.accepted_at = datetime.fromtimestamp(record.accepted_ms / 1_000, UTC)
        self.body = record.body
        self.content_type = record.content_type
        self.headers: Mapping[str, str] = record.headers
        self.fencing_token = message.fencing_token
        self.attempt = message.attempt
        self._item_id = record.item.id
        self._message = message
        self._progress = progress
        self._attachments: dict[str, Result] = {}

    @property
    def outbox(self) -> Outbox:
        """What the request sends on, once it is completed."""
        return self._message.outbox

    @property
    def attachments(self) -> Mapping[str, Result]:
        """What was attached, by name."""
        return self._attachments

    def attach(self, name: str, data: bytes | str, content_type: str = "") -> None:
        """Attach data to the result: the caller gets it under the link of the result, "/" and this name.

        Args:
            name: 1 to 64 letters, digits, dots, hyphens and underscores. A second call with a name replaces the first.
            data: Bytes; or text, which is stored in UTF-8.
            content_type: Content type that the caller gets it with. Default: plain text for text, octets for bytes.

        Raises:
            TypeError: The data is neither bytes nor text.
            ValueError: The name or the content type is malformed.
        """
        self._attachments[check_attachment_name(name)] = Result(data, content_type)

    def progress(self, text: str) -> None:
        """Show how far the work is, such as "3 of 10", in the status of the request. Each call is one write.

        If DynamoDB does not answer, this is logged, and the work goes on.

        Args:
            text: At most 256 characters are kept.

        Raises:
            LeaseLostError: Another worker owns the request, or it was ended at its deadline. Stop: nothing that you do
                from now on will be committed.
        """
        self._progress.write(self._item_id, self.fencing_token, str(text)[:PROGRESS_CHARACTERS])

    def heartbeat(self) -> None:
        """Extend the lease of the request, like `Message.heartbeat`.

        Raises:
            LeaseLostError: Another worker owns the request: stop.
            UnavailableError: The lease was not extended.
        """
        self._message.heartbeat()
