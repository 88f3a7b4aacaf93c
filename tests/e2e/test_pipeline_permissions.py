"""The preprocessor and a service need each of their permissions: without one, nothing is lost and nothing is done."""

import pytest

from cdk_app.demo.order_findings import compare_orders
from tests.e2e.order_desk import OrderDesk
from tests.e2e.pipeline_faults import PipelineFaults
from tests.e2e.pipeline_permissions import DUPLICATE, INVENTORY, PREPROCESSOR, REPLAY, Case

pytestmark = pytest.mark.slow  # each case waits until a message comes back
LIKELY_ERRORS = {"UnavailableError", "NotPublishedError", "ObjectDeniedError"}


def name_of(case: Case) -> str:
    return f"{case.action} on {case.resource}"


@pytest.mark.parametrize("case", INVENTORY, ids=name_of)
def test_inventory_settles_no_message_without(pipeline_faults: PipelineFaults, case: Case) -> None:
    seen = pipeline_faults.needs.inventory[case]

    assert seen.waiting >= 1
    assert seen.shipments == 0
    assert seen.reservations == (1 if case.is_done_before else 0)
    if case.resource != "DeadLetterTopicArn":  # the notification follows the send
        assert not seen.is_dead_letter


@pytest.mark.parametrize(
    "case", [*PREPROCESSOR, DUPLICATE, REPLAY], ids=lambda case: f"{case.action} on {case.resource}"
)
def test_preprocessor_accepts_nothing_without(pipeline_faults: PipelineFaults, case: Case) -> None:
    assert pipeline_faults.needs.preprocessor[case] in LIKELY_ERRORS


def test_each_order_is_done_once_when_the_permissions_are_back(
    settled_desk: OrderDesk, pipeline_faults: PipelineFaults
) -> None:
    expected = [case.expectation for case in (*INVENTORY, *PREPROCESSOR, DUPLICATE)]

    assert compare_orders(expected, settled_desk.table()).problems == []
    dead = [letter for letter in settled_desk.letters("inventory") if "needy-" in letter.body]
    assert len({letter.source for letter in dead}) == sum(case.is_invalid for case in INVENTORY)
