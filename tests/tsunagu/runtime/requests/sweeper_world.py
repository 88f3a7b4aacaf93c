"""A sweeper with fakes, and workers that claim, finish, fail and die as the receiver does."""

import io
import json
import random
from typing import Any

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.requests.open_request import OpenRequest
from tsunagu.runtime.requests.sweep_rules import SweepRules
from tsunagu.runtime.requests.sweep_run import SweepReport
from tsunagu.runtime.requests.sweeper import Sweeper, SweeperPorts
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import FakeClock, Killed
from tsunagu.testing.open_requests import FakeDeadLetterView, FakeOpenRequests, FakeQueueAge, FakeSender

SCOPE = "reports"
RUN_MS = 50_000
MINUTE_MS = 60_000
RULES = SweepRules(
    deadline_seconds=36_000,
    resend_after_seconds=300,
    visibility_timeout_seconds=1_800,
    window_seconds=86_400 * 23,
    publishes=True,
)
LEASE_MS = 300_000


class SweeperWorld:
    """Fakes, and the sweepers and workers that use them."""

    def __init__(self, rules: SweepRules = RULES) -> None:
        self.rules = rules
        self.clock = FakeClock()
        self.records = FakeOpenRequests()
        self.queue = FakeSender()
        self.age = FakeQueueAge()
        self.completions = FakeSender()
        self.letters = FakeDeadLetterView()
        self.metrics = io.StringIO()
        self.seed = 1
        self.worked: list[str] = []

    def accept(self, number: int = 1, **attributes: Any) -> str:
        item_id = requests.request_item_id(SCOPE, "alice", f"r-{number}")
        partition = requests.open_partition(SCOPE, requests.SHARDS[number % 16])
        self.records.accept(
            item_id, partition=partition, now_ms=self.clock.ms, first_look_ms=self.first_look_ms, **attributes
        )
        return item_id

    @property
    def first_look_ms(self) -> int:
        return self.rules.resend_after_seconds * 1_000

    def sweeper(self) -> Sweeper:
        ports = SweeperPorts(
            records=self.records,
            queue=self.queue if self.rules.has_queue else None,
            queue_age=self.age,
            completions=self.completions if self.rules.publishes else None,
            letters=self.letters,
            metrics=Metrics("Tsunagu", "reports-sweeper", self.clock, self.metrics),
            clock=self.clock,
            rng=random.Random(self.seed),
        )
        return Sweeper(SCOPE, self.rules, ports, max_receive_count=96)

    def sweep(self) -> SweepReport:
        self.seed += 1
        return self.sweeper().run(self.clock.ms + RUN_MS)

    def sweep_for(self, seconds: float) -> None:
        """Let minutes pass, with a sweep at the end of each."""
        end_ms = self.clock.ms + int(seconds * 1_000)
        while self.clock.ms < end_ms:
            self.clock.ms = min(end_ms, self.clock.ms + MINUTE_MS)
            self.sweep()

    def request(self, item_id: str) -> OpenRequest:
        (found,) = self.records.read([item_id])
        assert isinstance(found, OpenRequest)
        return found

    def status(self, item_id: str) -> Status:
        return self.request(item_id).item.status

    def claim(self, item_id: str, lease_ms: int = LEASE_MS) -> int | None:
        """Take a request; return the fencing token, or None if it is not free."""
        record, found = self.records.records[item_id], self.request(item_id)
        if found.ending is not None or found.is_held(self.clock.ms) or found.item.status is Status.COMMITTED:
            return None
        record |= {
            items.STATUS: Status.INPROGRESS,
            items.FENCE: record[items.FENCE] + 1,
            items.LEASE: self.clock.ms + lease_ms,
            items.UPDATED: self.clock.ms,
            items.EXPIRATION: self.clock.ms // 1_000 + self.rules.window_seconds,
        }
        return int(record[items.FENCE])

    def settle(self, item_id: str, fence: int, status: Status, **attributes: Any) -> bool:
        """Write an outcome, as the owner of a claim may."""
        record = self.records.records[item_id]
        if (record[items.STATUS], record[items.FENCE]) != (Status.INPROGRESS, fence):
            return False
        kept = {Status.RELEASED: items.FREE, Status.COMMITTED: record[items.LEASE]}
        record |= {items.STATUS: status, items.LEASE: kept.get(status, items.NEVER), items.UPDATED: self.clock.ms}
        record |= attributes
        if status is Status.DEAD:
            record |= {requests.DUE: self.clock.ms}
        if status in {Status.COMMITTED, Status.COMPLETED}:
            self.worked.append(item_id)
        return True

    def cancel(self, item_id: str) -> bool:
        """Cancel a request as the gateway does, if nobody took it."""
        record = self.records.records[item_id]
        if (record[items.STATUS], record[items.FENCE]) != (Status.RELEASED, 0):
            return False
        record |= {items.STATUS: Status.COMPLETED, items.LEASE: items.NEVER}
        record |= {requests.CANCELLED: self.clock.ms, requests.DUE: self.clock.ms}
        return True

    def redrive(self, item_id: str) -> None:
        """Claim a failed request again, for a message that an operator has redriven."""
        record = self.records.records[item_id]
        record |= {
            items.STATUS: Status.RELEASED,
            items.LEASE: items.FREE,
            items.UPDATED: self.clock.ms,
            requests.REOPENED: self.clock.ms,
            requests.OPEN: requests.open_partition_of(SCOPE, item_id),
            requests.DUE: self.clock.ms + self.first_look_ms,
        }

    def sent_keys(self) -> list[str]:
        return [json.loads(message.body)[requests.REQUEST_KEY] for message in self.queue.sent]

    def published(self) -> list[tuple[str, ShownStatus]]:
        bodies = [json.loads(message.body) for message in self.completions.sent]
        return [(body["request_id"], ShownStatus(body["status"])) for body in bodies]

    def kill_at(self, call_number: int) -> None:
        """Kill the sweeper before its call of this number, counted from 0, of whatever it calls."""
        left = [call_number]

        def count(_name: str) -> None:
            if left[0] == 0:
                left[0] = -1
                raise Killed
            left[0] -= 1

        self.records.on_call = self.queue.on_call = self.completions.on_call = count

    def let_live(self) -> None:
        self.records.on_call = self.queue.on_call = self.completions.on_call = lambda _name: None
