"""Transactions of a `with` block: their commit has a verdict, or an error that says what failed."""

import pytest

from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import BusinessWrite, Outcome, Verdict
from tsunagu.runtime.idempotency.transaction import Transaction
from tsunagu.testing.fakes import DENIED

ITEM = Item(id="orders#1", status=Status.INPROGRESS, owner="w-1", fence=1, lease=0, expiration=0)


@pytest.mark.parametrize(
    ("outcome", "problem", "got"),
    [
        (Outcome.UNAVAILABLE, None, "no answer, or a conflict with another transaction"),
        (Outcome.CONFLICT, None, "no answer, or a conflict with another transaction"),
        (Outcome.UNAVAILABLE, DENIED, str(DENIED)),
    ],
)
def test_commit_without_a_verdict_says_what_failed(outcome: Outcome, problem: FailedCall | None, got: str) -> None:
    def commit(_writes: tuple[BusinessWrite, ...]) -> Verdict:
        return Verdict(outcome, problem=problem)

    with pytest.raises(UnavailableError) as caught, Transaction(Claim(item=ITEM), commit):
        pass

    assert str(caught.value) == f"DynamoDB must commit the transaction, got {got}"
    assert caught.value.call == problem
