"""Accepted requests in memory: a table with their records, a gateway that writes them, and a store of results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tsunagu.contracts import requests
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.record import FoundRecord, RequestRecord
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.fakes import START_MS, FakeItemStore

FIRST_LOOK_MS = 60_000

_ITEM_FIELDS = {each.name for each in fields(Item)}
_FIELD_OF = {
    requests.CALLER: "caller",
    requests.BODY: "body",
    requests.CONTENT_TYPE: "content_type",
    requests.HEADERS: "headers",
    requests.ACCEPTED: "accepted_ms",
    requests.PROGRESS: "progress",
    requests.CANCELLED: "cancelled_ms",
    requests.REOPENED: "reopened_ms",
    requests.OPEN: "partition",
    requests.DUE: "due_ms",
    requests.RESENDS: "resends",
    requests.RESENT: "resent_ms",
    requests.CLOSED: "closed_ms",
}


def accepted(
    body: str = "{}",
    *,
    scope: str = "reports",
    caller: str = "alice",
    request_id: str = "r-1",
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    trace_header: str = "",
    now_ms: int = START_MS,
    digit: str = "0",
) -> RequestRecord:
    """Return the record of a request as the gateway writes it.

    Args:
        body: Text of the body.
        scope: Scope of the requests.
        caller: Who sent it.
        request_id: Its id.
        content_type: Content type of the body.
        headers: The headers that were kept.
        trace_header: X-Ray header of the HTTP request. Default: it had none.
        now_ms: When it was accepted, in milliseconds since the epoch.
        digit: First hexadecimal digit of the gateway's own request id: which partition of the index it is in.
    """
    item_id = requests.request_item_id(scope, caller, request_id)
    item = Item(id=item_id, status=Status.RELEASED, owner="", fence=0, lease=0, request_id=request_id)
    return RequestRecord(
        item=item,
        caller=caller,
        body=body,
        content_type=content_type,
        headers=headers or {},
        trace_header=trace_header,
        accepted_ms=now_ms,
        partition=requests.open_partition(scope, digit),
        due_ms=now_ms + FIRST_LOOK_MS,
    )


class FakeRequestStore(FakeItemStore):
    """The table with the records of requests. Faults are planned as in `FakeItemStore`, for `read_records` too."""

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[str, RequestRecord] = {}

    def accept(self, record: RequestRecord) -> bool:
        """Write a record as the gateway does; return whether it answers 202: the record is new, or has this body."""
        known = self._records.setdefault(record.item.id, record)
        self.items.setdefault(record.item.id, record.item)
        return (known.body, known.content_type) == (record.body, record.content_type)

    def cancel(self, item_id: str, now_ms: int) -> bool:
        """Cancel a request as the gateway does; return whether it was cancelled: no worker ever had it."""
        item = self.items[item_id]
        if item.status is not Status.RELEASED or item.fence:
            return False
        self.items[item_id] = replace(item, status=Status.COMPLETED, lease=10**15, updated=now_ms)
        self._records[item_id] = replace(self._records[item_id], cancelled_ms=now_ms, due_ms=now_ms)
        return True

    def record(self, item_id: str) -> RequestRecord:
        """Return a record as it is now."""
        return replace(self._records[item_id], item=self.items[item_id])

    def records(self) -> list[RequestRecord]:
        """Return all records as they are now."""
        return [self.record(item_id) for item_id in self._records]

    def change_record(self, item_id: str, values: Mapping[str, Any], where: Mapping[str, object | None]) -> Verdict:
        """Set attributes of a record, where others have the expected values. None: there is no such attribute.

        A record that does not exist is written, as DynamoDB does it.
        """
        if item_id not in self._records:
            if any(expected is not None for expected in where.values()):
                return Verdict(Outcome.REFUSED)
            self._create(item_id, values)
            return Verdict(Outcome.APPLIED)
        record = self.record(item_id)
        for name, expected in where.items():
            of = record.item if name in _ITEM_FIELDS else record
            if getattr(of, _FIELD_OF.get(name, name)) != (0 if expected is None else expected):
                return Verdict(Outcome.REFUSED)
        of_item = {name: value for name, value in values.items() if name in _ITEM_FIELDS}
        own = _own_fields(values)
        self.items[item_id] = replace(self.items[item_id], **of_item)
        self._records[item_id] = replace(self._records[item_id], **own)
        return Verdict(Outcome.APPLIED)

    def _create(self, item_id: str, values: Mapping[str, Any]) -> None:
        of_item = {name: value for name, value in values.items() if name in _ITEM_FIELDS}
        item = self.items[item_id] = Item(**{"id": item_id, **of_item})
        self._records[item_id] = RequestRecord(item=item, **_own_fields(values))

    def delete(self, item_id: str) -> None:
        """Delete a record, as TTL does."""
        del self._records[item_id], self.items[item_id]

    def read_records(self, item_ids: Sequence[str]) -> list[FoundRecord]:
        """Read records by their ids."""
        verdicts = self._faulty("read_records", lambda: [Verdict(Outcome.APPLIED)] * len(item_ids), len(item_ids))
        pairs = zip(verdicts, item_ids, strict=True)
        return [
            (self.record(item_id) if item_id in self._records else None)
            if verdict.outcome is Outcome.APPLIED
            else verdict
            for verdict, item_id in pairs
        ]

    def insert_record(self, record: RequestRecord) -> Verdict:
        """Write a record, if its id is free."""
        return self._faulty("insert_record", lambda: [self._insert_record(record)], 1)[0]

    def _insert_record(self, record: RequestRecord) -> Verdict:
        verdict = self._insert(record.item)
        if verdict.outcome is Outcome.APPLIED:
            self._records[record.item.id] = record
        return verdict

    def _update(self, change: Change) -> Verdict:
        own = _own_fields(change.values)
        of_item = {name: value for name, value in change.values.items() if name in _ITEM_FIELDS}
        verdict = super()._update(replace(change, values=of_item))
        if own and verdict.outcome is Outcome.APPLIED:
            self._records[change.item_id] = replace(self._records[change.item_id], **own)
        return verdict


def _own_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record beside those of its item. Its kind is none: each record here is a request."""
    return {
        _FIELD_OF[name]: value for name, value in values.items() if name not in _ITEM_FIELDS and name != requests.KIND
    }


@dataclass
class FakeResultStore:
    """Results by key, each with its content type. With a `fault`, nothing is stored and nothing copied."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    fault: FailedCall | None = None

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object."""
        if self.fault is not None:
            raise UnavailableError(str(self.fault), call=self.fault)
        self.objects[key] = (content, content_type)

    def copy(self, staged_key: str, key: str) -> SendResult:
        """Copy an object."""
        if self.fault is not None:
            return SendResult(None, str(self.fault), call=self.fault)
        if staged_key not in self.objects:
            return SendResult(None) if key in self.objects else SendResult(None, "NoSuchKey: gone", is_permanent=True)
        self.objects[key] = self.objects[staged_key]
        return SendResult(None)
