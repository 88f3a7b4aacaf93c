"""The table of the requests, with the conditional writes that the templates of the gateway make."""

from dataclasses import replace

from tests.explorer.requests.setting import CALLER, SCOPE, SHARD, Post
from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.testing.requests import FakeRequestStore, accepted


class RequestTable(FakeRequestStore):
    """Records of requests.

    Args:
        first_look_ms: Milliseconds after which the sweeper looks at a request first.
    """

    def __init__(self, first_look_ms: int) -> None:
        super().__init__()
        self._first_look_ms = first_look_ms

    def find(self, item_id: str) -> RequestRecord | None:
        """Return a record; None if there is none."""
        return self.record(item_id) if item_id in self._records else None

    def post(self, post: Post, now_ms: int) -> tuple[bool, bool]:
        """Write a record as `write_request.vtl` does; return whether it is accepted, and whether it is new.

        A repeated one puts a closed record back into the index.
        """
        new = accepted(post.body, scope=SCOPE, caller=CALLER, request_id=post.request_id, now_ms=now_ms, digit=SHARD)
        known = self.find(new.item.id)
        if known is None:
            self._records[new.item.id] = replace(new, due_ms=now_ms + self._first_look_ms)
            self.items[new.item.id] = new.item
            return True, True
        if (known.body, known.content_type) != (new.body, new.content_type):
            return False, False
        self._records[new.item.id] = replace(
            self._records[new.item.id],
            partition=known.partition or new.partition,
            due_ms=known.accepted_ms + self._first_look_ms,
        )
        return True, False

    def delete_request(self, item_id: str, now_ms: int) -> bool:
        """Cancel a request as `cancel_request.vtl` does; return whether it is cancelled."""
        record = self.record(item_id)
        item, was_cancelled = record.item, record.cancelled_ms > 0
        if not was_cancelled and (item.status is not Status.RELEASED or item.fence):
            return False
        cancelled_ms = record.cancelled_ms or now_ms
        values = {"status": Status.COMPLETED, "lease": items.NEVER, "updated": cancelled_ms}
        self.items[item_id] = replace(item, **values)  # type: ignore[arg-type]
        self._records[item_id] = replace(self._records[item_id], cancelled_ms=cancelled_ms, due_ms=cancelled_ms)
        return True
