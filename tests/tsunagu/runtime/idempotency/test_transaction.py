"""Transactions of a `with` block: their commit has a verdict, or an error that says what failed."""

import pytest

from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall, LeaseLostError, UnavailableError
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


def test_commit_of_a_late_worker_says_that_the_lease_is_lost() -> None:
    transaction = Transaction(Claim(item=ITEM), lambda _writes: Verdict(Outcome.REFUSED))

    with pytest.raises(LeaseLostError, match=r"^another worker owns the message$") as caught, transaction:
        pass

    assert (transaction.failure, transaction.committed) == (caught.value, False)


def test_second_block_is_refused_in_words_and_noted() -> None:
    transaction = Transaction(Claim(item=ITEM), lambda _writes: Verdict(Outcome.APPLIED))
    with transaction:
        transaction.put("t", {"id": "1"})
    assert (transaction.committed, transaction.late) == (True, None)

    sentence = "^a transaction must be entered once, because it completes the message, got a second with$"
    with pytest.raises(RuntimeError, match=sentence) as caught, transaction:
        pass
    with pytest.raises(RuntimeError, match=r"^writes must be given before"):
        transaction.put("t", {"id": "2"})

    assert transaction.late is caught.value
    assert [write.target for write in transaction.collected()] == [{"id": "1"}]
