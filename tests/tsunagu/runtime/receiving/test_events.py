"""Events: their source decides, not their shape."""

import pytest

from tests.tsunagu.runtime.world import QUEUE_ARN, World, order, record
from tsunagu.runtime.errors import UnknownEventError
from tsunagu.runtime.receiving.events import sqs_records


def test_records_of_the_queue_are_returned() -> None:
    assert len(sqs_records({"Records": [record("{}"), record("{}")]}, QUEUE_ARN)) == 2


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        {"Records": []},
        {"Records": "x"},
        {"Records": [None]},
        {"Records": [{"eventSource": "aws:s3", "eventSourceARN": QUEUE_ARN}]},
        {"Records": [record("{}"), {**record("{}"), "eventSourceARN": "arn:aws:sqs:eu-central-1:1:other"}]},
        {"Records": [{**record("{}"), "eventSource": "aws:sns"}]},
    ],
)
def test_event_from_elsewhere_is_refused(event: object) -> None:
    with pytest.raises(UnknownEventError, match=QUEUE_ARN):
        sqs_records(event, QUEUE_ARN)


def test_nothing_of_a_mixed_event_is_processed() -> None:
    world = World()
    stranger = {**record(order("o-2"), "m-2"), "eventSourceARN": "arn:aws:sqs:eu-central-1:1:other"}

    with pytest.raises(UnknownEventError):
        world.receive(record(order("o-1")), stranger)
    assert world.store.items == {}
