"""A preprocessor that knows the class of its requests refuses what no service would accept."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.tsunagu.runtime.pipeline.test_start_receiver import entry_record, receive
from tests.tsunagu.runtime.pipeline.world import ORDER, PipelineWorld
from tsunagu import preprocessor_for
from tsunagu.runtime.pipeline.errors import MalformedRequestError
from tsunagu.runtime.receiving.model import parser


@dataclass(frozen=True)
class Order:
    order_id: str
    account: str = ""


RESULTS: dict[str, dict[str, object]] = {"inventory": {}, "billing": {}}
WRONG = {"order_id": "o-1", "account": 7}


@pytest.fixture
def world() -> PipelineWorld:
    made = PipelineWorld()
    made.check = parser(Order)
    return made


@pytest.mark.parametrize(
    "document",
    [
        {"action": "start", "payload": WRONG},
        {"action": "start", "payload_json": '{"order_id": "o-1", "account": 7}'},
        {"action": "start", "from_step": "ship", "payload": {"request": WRONG, "results": RESULTS}},
    ],
)
def test_a_start_that_no_service_would_accept_is_refused_and_starts_nothing(
    world: PipelineWorld, document: dict[str, Any]
) -> None:
    with pytest.raises(MalformedRequestError, match=r"^the request must be one that the pipeline accepts: .*account"):
        world.ask(**document)

    assert (world.topics.published, world.store.items) == ([], {})


def test_the_key_of_a_refused_start_can_be_used_for_the_corrected_one(world: PipelineWorld) -> None:
    with pytest.raises(MalformedRequestError):
        world.start(WRONG, idempotency_key="k-1")

    assert world.start(ORDER, idempotency_key="k-1")["status"] == "accepted"


def test_a_new_input_of_a_replay_is_checked_and_the_stored_one_is_not(world: PipelineWorld) -> None:
    world.check = None
    started = world.start(WRONG)
    world.check = parser(Order)

    assert world.replay(started["request_id"], "reserve")["status"] == "accepted"
    with pytest.raises(MalformedRequestError):
        world.replay(started["request_id"], "reserve", payload=WRONG)


def test_a_message_of_the_entry_queue_is_dead_lettered_with_the_reason(world: PipelineWorld) -> None:
    document = {"action": "start", "payload": WRONG, "idempotency_key": "k-1"}

    assert receive(world, entry_record(document)) == []
    assert world.topics.published == []
    [reason] = [item.reason for item in world.store.items.values()]
    assert "account" in str(reason)


def test_a_class_that_cannot_be_read_is_refused_at_import() -> None:
    class Unreadable:
        pass

    with pytest.raises(TypeError):
        preprocessor_for(Unreadable)
