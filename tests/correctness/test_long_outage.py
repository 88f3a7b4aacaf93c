"""Three minutes of real time without DynamoDB, between real queues and real handlers, with a small back-stop."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.correctness.soak import drive, plan_load, shorten_visibility
from tests.e2e.deployed import Deployment
from tsunagu.testing.cloud.behind_proxy import behind_proxy
from tsunagu.testing.cloud.faults import NOTHING, Fault, FaultRates

OUTAGE_SECONDS = 180.0
VISIBILITY_SECONDS = 30  # as the stack has it
BACK_STOP = 10
GONE = FaultRates(throttled=1.0, failed=0.0, answer_lost=0.0, partly_throttled=0.0, killed=0.0)


@pytest.fixture
def small_back_stop(payments: Deployment) -> Iterator[Deployment]:
    """The payments app as it was deployed, but for the receives that it allows."""
    before = [receive_count(payments, queue.queue_url) for queue in payments.queues]
    shorten_visibility(payments.cloud, payments.queues, VISIBILITY_SECONDS)
    for queue in payments.queues:
        receive_count(payments, queue.queue_url, BACK_STOP)
    yield payments
    shorten_visibility(payments.cloud, payments.queues)
    for queue, count in zip(payments.queues, before, strict=True):
        receive_count(payments, queue.queue_url, count)


def receive_count(payments: Deployment, queue_url: str, new: int | None = None) -> int:
    """Return how many receives a queue allows, and set it anew."""
    sqs = payments.cloud.client("sqs")
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(answer["Attributes"]["RedrivePolicy"])
    if new is not None:
        changed = json.dumps({**policy, "maxReceiveCount": new})
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"RedrivePolicy": changed})
    return int(policy["maxReceiveCount"])


@pytest.mark.slow
def test_no_valid_payment_dies_in_three_minutes_without_a_store(small_back_stop: Deployment) -> None:
    payments, functions = small_back_stop, [queue.function_name for queue in small_back_stop.queues]
    loads = {queue: plan_load(180, queue, 50) for queue in payments.queues}

    with behind_proxy(payments.cloud, functions, seed=180, rates=GONE) as proxy:
        end = threading.Timer(OUTAGE_SECONDS, setattr, (proxy.fate, "rates", NOTHING))
        end.start()
        books = drive(payments.cloud, payments.payments["PaymentsTableName"], loads)
        end.join()

    assert [(each.lost, each.doubled, each.valid_dead_letters) for each in books] == [(0, 0, [])] * 2
    assert [sentence for each in books for sentence in each.findings.wrong] == []
    assert proxy.fate.happened[Fault.THROTTLED] > 100
