"""The contract of tables with records of requests: the fake and DynamoDB must pass the same tests."""

import random
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from tests.tsunagu.runtime.requests.world import SCOPE
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import NO_EXPIRATION, open_partition_of
from tsunagu.runtime.errors import LeaseLostError
from tsunagu.runtime.idempotency.decision import ClaimRequest, Decision, Done, Held
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.lease import LeaseTerm
from tsunagu.runtime.idempotency.store import ItemStore, Outcome
from tsunagu.runtime.requests.known_records import KnownRecords
from tsunagu.runtime.requests.record import RequestRecord, RequestRecords
from tsunagu.runtime.requests.request import ProgressWriter
from tsunagu.testing.fakes import FakeClock
from tsunagu.testing.requests import accepted


@dataclass
class RequestTable:
    """One table, as worker and gateway see it."""

    store: ItemStore
    records: RequestRecords

    def accept(self) -> RequestRecord:
        request = accepted(f'{{"quoted": "{uuid4()}"}}', caller="rôle:a", request_id=uuid4().hex, headers={"x-id": "7"})
        assert self.records.insert_record(request).outcome is Outcome.APPLIED
        return request

    def found(self, request: RequestRecord) -> RequestRecord:
        (found,) = self.records.read_records([request.item.id])
        assert isinstance(found, RequestRecord)
        return found

    def claim(self, request: RequestRecord, *, reopens: bool = False) -> tuple[Idempotency, Decision]:
        """Claim a request as a worker does that has just read its record."""
        clock = FakeClock()
        known = KnownRecords(self.store, clock, SCOPE, {request.item.id: self.found(request)})
        term = LeaseTerm(clock, clock.ms + 10_000)
        own = Idempotency(known, clock, owner=uuid4().hex, lease=term, window_seconds=60, rng=random.Random(7))
        wanted = ClaimRequest(
            item_id=request.item.id,
            payload_hash="",
            request_id=request.request_id,
            message_ids=(uuid4().hex,),
            reopens=reopens,
        )
        return own, own.claim([wanted])[0]

    def fail(self, request: RequestRecord) -> None:
        own, decision = self.claim(request)
        assert isinstance(decision, Held)
        change = own.dead(decision.claim, attempts=1, reason="r", message_ids=("m-1",))
        assert [verdict.outcome for verdict in own.settle([change])] == [Outcome.APPLIED]


class RequestStoreContract:
    """Needs the fixture `table`."""

    def test_record_is_read_as_it_was_accepted_and_accepted_once(self, table: RequestTable) -> None:
        request = table.accept()

        assert table.records.insert_record(replace(request, body="other")).outcome is Outcome.REFUSED
        assert table.records.read_records([request.item.id, "reports:request#a:none"]) == [request, None]

    def test_claim_keeps_what_was_accepted_and_the_record_does_not_expire(self, table: RequestTable) -> None:
        request = table.accept()

        _, decision = table.claim(request)

        assert isinstance(decision, Held)
        item = replace(decision.claim.item, expiration=NO_EXPIRATION)
        assert table.found(request) == replace(request, item=item)
        assert (item.status, item.fence) == (Status.INPROGRESS, 1)

    def test_only_one_of_two_workers_that_read_the_record_claims_it(self, table: RequestTable) -> None:
        request = table.accept()
        clock = FakeClock()
        before = KnownRecords(table.store, clock, SCOPE, {request.item.id: table.found(request)})
        table.claim(request)

        own = Idempotency(
            before, clock, owner="late", lease=LeaseTerm(clock, clock.ms), window_seconds=60, rng=random.Random(7)
        )
        wanted = ClaimRequest(
            item_id=request.item.id, payload_hash="", request_id=request.request_id, message_ids=("m-2",)
        )

        assert not isinstance(own.claim([wanted])[0], Held)
        assert table.found(request).item.fence == 1

    def test_failed_request_is_claimed_by_a_redriven_message_only_and_is_open_again(self, table: RequestTable) -> None:
        request = table.accept()
        table.fail(request)

        _, of_a_copy = table.claim(request)
        failed = table.found(request)
        _, of_a_redrive = table.claim(request, reopens=True)

        assert (of_a_copy, failed.item.status, failed.reopened_ms) == (Done(), Status.DEAD, 0)
        assert isinstance(of_a_redrive, Held)
        reopened = table.found(request)
        now_ms = FakeClock().ms
        assert (reopened.reopened_ms, reopened.due_ms) == (now_ms, now_ms)
        assert reopened.partition == open_partition_of(SCOPE, request.item.id)
        assert (reopened.item.status, reopened.item.fence, reopened.body) == (Status.INPROGRESS, 2, request.body)

    def test_progress_is_written_by_the_worker_that_holds_the_request_only(self, table: RequestTable) -> None:
        request = table.accept()
        progress = ProgressWriter(table.store, FakeClock())
        table.claim(request)

        progress.write(request.item.id, 1, "1 of 2")
        with pytest.raises(LeaseLostError):
            progress.write(request.item.id, 2, "2 of 2")

        assert table.found(request).progress == "1 of 2"
