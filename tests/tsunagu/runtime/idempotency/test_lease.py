"""Leases: how long they are, and which of them heartbeats extend."""

import pytest

from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import GRACE_MS, Claim, LeaseTerm
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.testing.fakes import START_MS, FakeClock

ITEM = Item(id="orders#1", status=Status.INPROGRESS, owner="me", fence=3, lease=7, attempts=0, settled=2)


@pytest.mark.parametrize(
    ("lease_seconds", "is_extended", "length_ms", "later_ms"),
    [
        (None, False, 10_000, 10_000),
        (9, True, 9_000, 10_000),
        (3, True, 3_000, 8_000),
        (10, False, 10_000, 10_000),
        (11, False, 10_000, 10_000),
    ],
)
def test_lease_ends_with_the_invocation_or_before(
    lease_seconds: int | None, is_extended: bool, length_ms: int, later_ms: int
) -> None:
    clock = FakeClock()
    lease = LeaseTerm(clock, START_MS + 10_000, lease_seconds)

    assert (lease.is_extended, lease.end_ms()) == (is_extended, START_MS + length_ms + GRACE_MS)
    clock.ms += 5_000
    assert lease.end_ms() == START_MS + later_ms + GRACE_MS


@pytest.mark.parametrize(
    ("fields", "was_abandoned", "is_suspect", "attempt"),
    [
        ({}, False, False, 1),
        ({"attempts": 2}, False, True, 3),
        ({"settled": 1}, True, True, 1),
        ({"settled": 0, "attempts": 1}, True, True, 2),
        ({"fence": 1, "settled": 0}, False, False, 1),
    ],
)
def test_claim_after_a_failure_or_a_kill_is_suspect(
    fields: dict[str, int], was_abandoned: bool, is_suspect: bool, attempt: int
) -> None:
    kept = {"id": "orders#1", "status": Status.INPROGRESS, "owner": "me", "fence": 3, "lease": 7, "settled": 2}
    claim = Claim(item=Item(**{**kept, **fields}))  # type: ignore[arg-type]

    assert (claim.was_abandoned, claim.is_suspect, claim.attempt) == (was_abandoned, is_suspect, attempt)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.COMMITTED, Status.RELEASED])
def test_outcome_of_ones_own_claim_is_recognised_in_the_item(status: Status) -> None:
    claim = Claim(item=ITEM)
    found = Item(id="orders#1", status=status, owner="me", fence=3, lease=0)
    of_another = Item(id="orders#1", status=status, owner="other", fence=3, lease=0)
    of_a_later_claim = Item(id="orders#1", status=status, owner="me", fence=4, lease=0)

    assert claim.stands_as(status, Verdict(Outcome.REFUSED, found))
    assert claim.was_done(Verdict(Outcome.REFUSED, found)) is (status is not Status.RELEASED)
    for verdict in (
        Verdict(Outcome.REFUSED),
        Verdict(Outcome.REFUSED, of_another),
        Verdict(Outcome.REFUSED, of_a_later_claim),
        Verdict(Outcome.REFUSED, ITEM),
    ):
        assert not claim.stands_as(status, verdict)
        assert not claim.was_done(verdict)
    assert claim.stands_as(status, Verdict(Outcome.APPLIED))
