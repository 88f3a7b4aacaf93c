"""Fakes of what the sweeper of accepted requests calls: records with their index, queues, and the age of a queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.open_request import DuePage, OpenRequest, RecordChange
from tsunagu.runtime.requests.outbox_sweeper import UnsentRequest
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.requests.settler import Letter
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.fakes import FakeItemStore
from tsunagu.testing.requests import FakeRequestStore

REFUSED_CALL = FailedCall("dynamodb:Query", "items", "ThrottlingException")

_ITEM_FIELDS = frozenset(field.name for field in fields(Item))
_OWN_FIELDS = {
    "accepted_ms": requests.ACCEPTED,
    "reopened_ms": requests.REOPENED,
    "cancelled_ms": requests.CANCELLED,
    "resends": requests.RESENDS,
    "resent_ms": requests.RESENT,
    "closed_ms": requests.CLOSED,
}


class FakeOpenRequests:
    """Records of requests, each as a dictionary of its attributes.

    Attributes:
        records: Attributes of the records by id.
        page_size: Most ids of a page.
        on_call: Called before and after each call, and each change of it, with its name; it may kill the process, raise
            or let another worker act. Default: nothing happens.
        unanswered: Ids of records that no call answers for.
    """

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.page_size = 3
        self.on_call: Callable[[str], object] = lambda _name: None
        self.unanswered: set[str] = set()

    def accept(self, item_id: str, *, partition: str, now_ms: int, first_look_ms: int, **attributes: Any) -> None:
        """Write a record as the gateway does."""
        self.records[item_id] = {
            items.ID: item_id,
            requests.KIND: requests.REQUEST_KIND,
            items.REQUEST_ID: item_id.rpartition(":")[2],
            items.STATUS: Status.RELEASED,
            items.OWNER: "",
            items.FENCE: 0,
            items.LEASE: items.FREE,
            requests.ACCEPTED: now_ms,
            requests.DUE: now_ms + first_look_ms,
            requests.OPEN: partition,
            **attributes,
        }

    def open_ids(self) -> list[str]:
        """Return the ids of the records that are in the index."""
        return [item_id for item_id, record in self.records.items() if requests.OPEN in record]

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the index."""
        self.on_call("find_due")
        due = sorted(
            (record[requests.DUE], item_id)
            for item_id, record in self.records.items()
            if record.get(requests.OPEN) == partition and record[requests.DUE] <= now_ms
        )
        later = [each for each in due if start is None or each > _position(start)]
        page = later[: self.page_size]
        return DuePage([item_id for _, item_id in page], page[-1] if len(later) > len(page) else None)

    def read(self, item_ids: Sequence[str]) -> list[OpenRequest | Verdict | None]:
        """Read records."""
        self.on_call("read")
        return [self._read(item_id) for item_id in item_ids]

    def change(self, changes: Sequence[RecordChange]) -> list[Verdict]:
        """Apply each change whose condition holds."""
        assert len({change.item_id for change in changes}) == len(changes)
        return [self._change(change) for change in changes]

    def _read(self, item_id: str) -> OpenRequest | Verdict | None:
        record = self.records.get(item_id)
        if item_id in self.unanswered:
            return Verdict(Outcome.UNAVAILABLE, problem=REFUSED_CALL)
        if record is None:
            return None
        item = Item(**{name: value for name, value in record.items() if name in _ITEM_FIELDS})
        return OpenRequest(item=item, **{name: record.get(attribute, 0) for name, attribute in _OWN_FIELDS.items()})

    def _change(self, change: RecordChange) -> Verdict:
        self.on_call("before a change")
        if change.item_id in self.unanswered:
            return Verdict(Outcome.UNAVAILABLE, problem=REFUSED_CALL)
        record = self.records.get(change.item_id, {})
        if any(record.get(name) != value for name, value in change.where.items()):
            return Verdict(Outcome.REFUSED)
        kept = {name: value for name, value in record.items() if name not in change.removed}
        self.records[change.item_id] = {items.ID: change.item_id, **kept, **change.values}
        self.on_call("after a change")
        return Verdict(Outcome.APPLIED)


class FakeUnsentRequests:
    """The HTTP requests of a table whose messages are to be sent, and their index.

    Args:
        store: The table.

    Attributes:
        on_call: Called before each call, with its name; it may kill the process, raise or let another act.
        behind: Ids of items that the index has still, because it is a moment behind the table, by partition.
        unanswered: Ids of items that no call answers for.
    """

    page_size = 3

    def __init__(self, store: FakeItemStore) -> None:
        self._store = store
        self.on_call: Callable[[str], object] = lambda _name: None
        self.behind: dict[str, list[str]] = {}
        self.unanswered: set[str] = set()

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the index."""
        self.on_call("find_due")
        due = sorted(
            (others[requests.DUE], item_id)
            for item_id, others in self._store.others.items()
            if others.get(requests.OPEN) == partition and others[requests.DUE] <= now_ms
        )
        found = [(0, item_id) for item_id in self.behind.get(partition, [])] + due
        later = [each for each in found if start is None or each > _position(start)]
        page = later[: self.page_size]
        return DuePage([item_id for _, item_id in page], page[-1] if len(later) > len(page) else None)

    def read(self, item_ids: Sequence[str]) -> list[UnsentRequest | Verdict | None]:
        """Read items."""
        self.on_call("read")
        return [self._read(item_id) for item_id in item_ids]

    def _read(self, item_id: str) -> UnsentRequest | Verdict | None:
        item, others = self._store.items.get(item_id), self._store.others.get(item_id, {})
        if item_id in self.unanswered:
            return Verdict(Outcome.UNAVAILABLE, problem=REFUSED_CALL)
        is_indexed, sweeps = requests.OPEN in others, others.get(requests.RESENDS, 0)
        return None if item is None else UnsentRequest(item, is_indexed=is_indexed, sweeps=sweeps)


@dataclass
class FakeSender:
    """Takes messages; while `broken`, it takes none."""

    sent: list[OutgoingMessage] = field(default_factory=list)
    broken: bool = False
    on_call: Callable[[str], object] = lambda _name: None

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Take messages, one after the other."""
        return [self._send(message) for message in messages]

    def _send(self, message: OutgoingMessage) -> SendResult:
        self.on_call("before a send")
        if self.broken:
            return SendResult(None, "ServiceUnavailable: gone")
        self.sent.append(message)
        self.on_call("after a send")
        return SendResult(f"m-{len(self.sent)}")


@dataclass
class FakeQueueAge:
    """Says an age in milliseconds; None: it cannot be asked."""

    age_ms: int | None = 0
    asked: int = 0

    def oldest_ms(self) -> int:
        """Return the age."""
        self.asked += 1
        if self.age_ms is None:
            msg = "CloudWatch does not answer"
            raise UnavailableError(msg)
        return self.age_ms


@dataclass
class FakeDeadLetterView:
    """Shows letters, ten at a time; what was not given back is hidden."""

    letters: list[Letter] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    broken: bool = False

    def receive(self) -> list[Letter]:
        """Return up to ten letters."""
        if self.broken:
            msg = "SQS does not answer"
            raise UnavailableError(msg)
        seen = [letter for letter in self.letters if letter.message_id not in self.hidden][:10]
        self.hidden |= {letter.message_id for letter in seen}
        return seen

    def give_back(self, letters: Sequence[Letter]) -> FailedCall | None:
        """Show letters again."""
        self.hidden -= {letter.message_id for letter in letters}
        return None


def _position(start: object) -> tuple[int, str]:
    assert isinstance(start, tuple)
    due, item_id = start
    return due, item_id


class OpenRecords:
    """The open requests of the table that gateway and workers use.

    Args:
        store: The table.

    Attributes:
        on_call: Called before and after each call, and each change of it, as that of `FakeOpenRequests`.
    """

    def __init__(self, store: FakeRequestStore) -> None:
        self._store = store
        self.on_call: Callable[[str], object] = lambda _name: None

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return all that is due in one page."""
        self.on_call("find_due")
        assert start is None
        due = [record for record in self._store.records() if record.partition == partition and record.due_ms <= now_ms]
        return DuePage([record.item.id for record in sorted(due, key=lambda record: record.due_ms)])

    def read(self, item_ids: Sequence[str]) -> list[OpenRequest | Verdict | None]:
        """Read records."""
        self.on_call("read")
        known = {record.item.id: record for record in self._store.records()}
        return [_open_request(known[item_id]) if item_id in known else None for item_id in item_ids]

    def change(self, changes: Sequence[RecordChange]) -> list[Verdict]:
        """Apply each change whose condition holds."""
        return [self._change(change) for change in changes]

    def _change(self, change: RecordChange) -> Verdict:
        self.on_call("before a change")
        values = {**change.values, **{name: "" if name == requests.OPEN else 0 for name in change.removed}}
        verdict = self._store.change_record(change.item_id, values, change.where)
        self.on_call("after a change")
        return verdict


def _open_request(record: RequestRecord) -> OpenRequest:
    return OpenRequest(
        item=record.item,
        accepted_ms=record.accepted_ms,
        reopened_ms=record.reopened_ms,
        cancelled_ms=record.cancelled_ms,
        resends=record.resends,
        resent_ms=record.resent_ms,
        closed_ms=record.closed_ms,
    )
