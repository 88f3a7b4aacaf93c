"""An object overwritten, deleted or denied between publish and read, and messages that were forged."""

import re

import pytest

from tests.e2e.object_faults import DELETED, DENIED, FORGERIES, OVERWRITTEN, PURGED, UNTOUCHED, ObjectFaults
from tests.e2e.pipeline_faults import PipelineFaults

pytestmark = pytest.mark.slow  # each case waits until a message comes back
REASONS = {
    "another sha256": "SHA-256",
    "another size": "bytes that were kept",
    "a size above the limit": "must have at most",
    "an object of another request": "must lie under the request's own",
    "a key that walks out": "must lie under the request's own",
    "another step": r"must be for orders\.ship\.shipping",
    "too many hops": "a loop",
    "request_id ../x": "request_id must be a UUID of version 7",
    "no run_id": "run_id",
}


@pytest.fixture
def faults(pipeline_faults: PipelineFaults) -> ObjectFaults:
    return pipeline_faults.objects


@pytest.mark.parametrize("damage", [UNTOUCHED, OVERWRITTEN, DELETED])
def test_published_version_is_read_even_after_it_was_overwritten_or_deleted(faults: ObjectFaults, damage: str) -> None:
    assert faults.shipments[damage] == 1
    assert damage not in faults.reasons


@pytest.mark.parametrize("damage", [PURGED, DENIED])
def test_run_whose_object_is_missing_or_denied_is_dead_lettered_with_that_reason(
    faults: ObjectFaults, damage: str
) -> None:
    assert faults.shipments[damage] == 0
    assert "no permission, or no such object" in faults.reasons[damage]


def test_redrive_finishes_a_run_whose_object_is_readable_again(faults: ObjectFaults) -> None:
    assert faults.after_redrive == {UNTOUCHED: 1, OVERWRITTEN: 1, DELETED: 1, PURGED: 0, DENIED: 1}


@pytest.mark.parametrize("flaw", FORGERIES)
def test_forged_message_is_a_dead_letter_that_names_what_is_wrong(faults: ObjectFaults, flaw: str) -> None:
    assert re.search(REASONS[flaw], faults.forged[flaw]), faults.forged[flaw]
    assert faults.forged[flaw] != "no dead letter"


def test_nothing_is_written_outside_the_prefixes_of_requests(faults: ObjectFaults) -> None:
    own = re.compile(r"orders/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f-]{36}/[a-z0-9./-]+")

    assert all(own.fullmatch(key) and ".." not in key for key in faults.objects)
