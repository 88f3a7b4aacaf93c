"""Real handlers, killed with SIGKILL around their calls, behind a DynamoDB that fails."""

import pytest

from tests.correctness.soak import drive, plan_load, statuses
from tests.e2e.deployed import Deployment
from tsunagu.contracts.items import Status
from tsunagu.testing.cloud.behind_proxy import behind_proxy
from tsunagu.testing.cloud.faults import Fault, FaultRates, Kill

HARSH = FaultRates(throttled=0.1, failed=0.03, answer_lost=0.03, partly_throttled=0.1, killed=0.012)


@pytest.mark.parametrize(
    ("messages", "rates"),
    [
        # The short load is killed more often, so that every kind of fault happens in it.
        pytest.param(150, HARSH, id="300 messages"),
        pytest.param(1_000, FaultRates(), id="2,000 messages", marks=pytest.mark.slow),
    ],
)
def test_no_payment_is_lost_or_doubled_whatever_is_killed_or_fails(
    payments: Deployment, messages: int, rates: FaultRates
) -> None:
    seed = messages
    loads = {queue: plan_load(seed, queue, messages) for queue in payments.queues}
    functions = [queue.function_name for queue in payments.queues]

    with behind_proxy(payments.cloud, functions, seed=seed, rates=rates) as proxy:
        books = drive(payments.cloud, payments.payments["PaymentsTableName"], loads)

    assert [(each.lost, each.doubled) for each in books] == [(0, 0), (0, 0)]
    assert [sentence for each in books for sentence in each.findings.wrong] == []
    assert [letter for each in books for letter in each.valid_dead_letters] == []
    found = statuses(payments.cloud, payments.payments["IdempotencyTableName"])
    assert found.keys() <= {Status.COMPLETED, Status.DEAD}
    happened = proxy.fate.happened
    assert all(happened[planned] for planned in [*Fault, *Kill]), happened
