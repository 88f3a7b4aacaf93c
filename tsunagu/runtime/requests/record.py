"""The record of an accepted request, and the port that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsunagu.contracts.requests import shown_reason, shown_status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """The record of a request: its idempotency item, and what the gateway accepted. Times are in milliseconds.

    Attributes:
        item: The item.
        caller: Who sent the request.
        body: Text of the request, as it was received.
        content_type: Its content type; empty where the caller gave none.
        headers: The headers that the API was told to keep, by their names in lower case.
        trace_header: X-Ray header of the HTTP request; empty where it had none.
        accepted_ms: When it was accepted.
        cancelled_ms: When it was cancelled; 0 if it was not.
        reopened_ms: When it was reopened last; 0 if it never was.
        progress: What the worker said last of its progress.
        partition: Partition of the index of open requests; empty after the sweeper closed it.
        due_ms: When the sweeper looks at it next.
        resends: How often the sweeper sent it again.
        resent_ms: When it did so last; 0 if it never did.
        closed_ms: When the sweeper closed it; 0 if it did not.
    """

    item: Item
    caller: str
    body: str
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    trace_header: str = ""
    accepted_ms: int = 0
    cancelled_ms: int = 0
    reopened_ms: int = 0
    progress: str = ""
    partition: str = ""
    due_ms: int = 0
    resends: int = 0
    resent_ms: int = 0
    closed_ms: int = 0

    @property
    def request_id(self) -> str:
        """Id of the request, as its caller knows it."""
        return self.item.request_id

    @property
    def reason(self) -> str:
        """Why it failed, as its caller is shown it."""
        return shown_reason(self.item.reason, self.item.published_reason)

    def shown_status(self, now_ms: int) -> str:
        """Return the status that its caller is shown at `now_ms`, in milliseconds since the epoch."""
        return shown_status(
            status=self.item.status,
            now_ms=now_ms,
            fence=self.item.fence,
            lease=self.item.lease,
            attempts=self.item.attempts,
            reason=self.item.reason,
            is_cancelled=self.cancelled_ms > 0,
            is_given_up=bool(self.item.told),
        )


FoundRecord = RequestRecord | Verdict | None


class RequestRecords(Protocol):
    """Reads the records of requests; inserts one where no gateway did."""

    def read_records(self, item_ids: Sequence[str]) -> list[FoundRecord]:
        """Read records, consistently. None: there is no such record. A `Verdict`: no answer, or not readable."""
        ...

    def insert_record(self, record: RequestRecord) -> Verdict:
        """Write a record that does not exist yet. REFUSED: it exists."""
        ...
