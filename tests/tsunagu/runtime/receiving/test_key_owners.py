"""Keys belong to the receiver: what another receiver did under a key is never taken for one's own work."""

import logging

import pytest

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, World, order, record
from tsunagu.contracts.items import KEY_SPACE_NAME, Status
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.idempotency.keys import item_id, key_space
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.shape import service_scope, start_scope
from tsunagu.runtime.receiving.message import Message

HERE = "arn:aws:sqs:eu-central-1:111122223333:orders"
ELSEWHERE = "arn:aws:sqs:eu-west-1:111122223333:orders"


def beside(other: World, keys_of: str, scope: str = "orders") -> World:
    """Return a receiver with the table of another one."""
    world = World()
    world.store, world.clock, world.keys_of, world.scope = other.store, other.clock, keys_of, scope
    return world


@pytest.fixture
def here() -> World:
    world = World()
    world.keys_of = HERE
    return world


def test_receivers_of_two_queues_with_one_scope_and_table_both_work_on_a_key(here: World) -> None:
    here.scope = key_space("orders", HERE)
    audit = beside(here, HERE.replace(":orders", ":audit"), key_space("orders", HERE.replace(":orders", ":audit")))

    assert (here.receive(record(order("o-1"))), audit.receive(record(order("o-1")))) == ([], [])
    assert (here.runs, audit.runs) == (["o-1"], ["o-1"])


def test_receivers_that_share_keys_work_on_a_key_once(here: World) -> None:
    here.scope = key_space("orders", HERE, "all")
    here.keys_of = "all"
    fifo = beside(here, "all", key_space("orders", f"{HERE}.fifo", "all"))

    assert (here.receive(record(order("o-1"))), fifo.receive(record(order("o-1"), "m-2"))) == ([], [])
    assert (here.runs, fifo.runs) == (["o-1"], [])


def test_key_spaces_of_a_receiver_of_shared_keys_and_of_a_pipeline_are_never_the_same() -> None:
    own, shared = key_space("orders", HERE), key_space("orders", HERE, "orders")
    pipeline = [start_scope("orders"), service_scope("orders", "reserve", "billing")]

    assert (own, shared) == ("orders@orders", "orders")
    assert KEY_SPACE_NAME.fullmatch(shared)
    assert not any(KEY_SPACE_NAME.fullmatch(each) for each in (own, *pipeline))
    assert not any("@" in each for each in pipeline)


def fails(_body: JsonObject, _message: Message) -> None:
    raise ValueError


def dies(_body: JsonObject, _message: Message) -> None:
    raise PermanentError("never")


def test_work_of_another_receiver_is_never_taken_for_ones_own(here: World, caplog: pytest.LogCaptureFixture) -> None:
    here.receive(record(order("o-1")))
    elsewhere = beside(here, ELSEWHERE)

    with caplog.at_level(logging.ERROR):
        returned = elsewhere.receive(record(order("o-1"), "m-2"))

    assert (returned, elsewhere.runs, elsewhere.dead_letter_queue.sent) == (["m-2"], [], [])
    assert elsewhere.counted() == {"KeysMixedUp": 1, "ConfigurationFaults": 1, "MessagesReturned": 1}
    (line,) = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert "belongs to another receiver" in line.getMessage()
    assert vars(line)["receiver"] == HERE
    assert here.only_item().status is Status.COMPLETED


def test_each_record_with_the_key_of_another_receiver_is_counted(here: World) -> None:
    here.receive(record(order("o-1")))
    elsewhere = beside(here, ELSEWHERE)

    assert elsewhere.receive(record(order("o-1"), "m-2"), record(order("o-1"), "m-3")) == ["m-2", "m-3"]

    assert elsewhere.counted() == {"KeysMixedUp": 2, "ConfigurationFaults": 1, "MessagesReturned": 2}


@pytest.mark.parametrize("process", [fails, dies, None], ids=["failed", "dead", "done"])
def test_item_of_another_receiver_stays_as_it_is_whatever_became_of_it(here: World, process: object) -> None:
    here.receive(record(order("o-1")), process=process)  # type: ignore[arg-type]
    before = here.only_item()

    returned = [beside(here, ELSEWHERE).receive(record(order("o-1"), f"m-{n}")) for n in range(MAX_ATTEMPTS + 1)]

    assert returned == [[f"m-{n}"] for n in range(MAX_ATTEMPTS + 1)]
    assert here.only_item() == before


def test_other_payload_under_the_key_of_another_receiver_is_not_dead_lettered(here: World) -> None:
    here.receive(record(order("o-1")))
    elsewhere = beside(here, ELSEWHERE)

    assert elsewhere.receive(record(order("o-1", amount=2), "m-2")) == ["m-2"]
    assert elsewhere.dead_letter_queue.sent == []


def test_neighbours_of_a_key_of_another_receiver_are_done(here: World) -> None:
    here.receive(record(order("o-1")))
    elsewhere = beside(here, ELSEWHERE)

    returned = elsewhere.receive(record(order("o-1"), "m-1"), record(order("o-2"), "m-2"))

    assert (returned, elsewhere.runs) == (["m-1"], ["o-2"])


def test_expired_key_of_another_receiver_is_free(here: World) -> None:
    here.receive(record(order("o-1")))
    here.clock.ms += 3_601_000
    elsewhere = beside(here, ELSEWHERE)

    assert elsewhere.receive(record(order("o-1"), "m-2")) == []
    assert (elsewhere.runs, here.only_item().receiver) == (["o-1"], ELSEWHERE)


def test_item_of_an_earlier_release_belongs_to_whoever_has_its_key(here: World) -> None:
    here.keys_of = ""
    here.receive(record(order("o-1")))

    assert beside(here, "orders").receive(record(order("o-1"), "m-2")) == []


def test_shared_keys_keep_the_ids_of_earlier_items() -> None:
    assert item_id(key_space("payments", HERE, "payments"), "p-1") == item_id("payments", "p-1")
