"""Message attributes: ours have our prefix; a producer's own change nothing; those of earlier messages are read."""

import pytest

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts import messages
from tsunagu.contracts.messages import ATTRIBUTES, OLD_ATTRIBUTES
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message

HEADERS = [f"Root=1-5759e98{number}-bd862e3fe1be46a994272793;Sampled=1" for number in (1, 2)]
OWN = {"schema_version": "2024-06", "service": "billing", "version": "3", "dead_letter_reason": "mine"}


def delivery(**attributes: str) -> Delivery:
    return Delivery.from_record(record("{}", attributes=attributes))


def sends_on(body: JsonObject, message: Message) -> None:
    message.outbox.send("https://sqs/next", body["order_id"])


def test_every_name_of_ours_has_the_prefix_and_is_listed() -> None:
    named = {value for name, value in vars(messages).items() if name.endswith("_ATTRIBUTE")}

    assert named == ATTRIBUTES
    assert all(name.startswith("tsunagu_") for name in ATTRIBUTES)


def test_attributes_of_a_producer_change_nothing() -> None:
    world = World()

    returned = world.receive(record(order("o-1"), attributes=OWN), process=sends_on)

    (sent,) = world.outbox.sent
    assert (returned, world.dead_letter_queue.sent) == ([], [])
    assert sent.outbox_message.attributes == {"tsunagu_request_id": "m-1"}


def test_dead_letter_keeps_the_attributes_of_its_producer() -> None:
    world = World()

    world.receive(record("no json", attributes=OWN))

    (letter,) = world.dead_letter_queue.sent
    own = {name: getattr(value, "value", value) for name, value in letter.attributes.items() if name in OWN}
    assert own == OWN
    assert letter.attributes.keys() - OWN.keys() == {
        "tsunagu_dead_letter_reason",
        "tsunagu_dead_letter_source",
        "tsunagu_dead_letter_item",
    }


def test_message_of_an_earlier_release_is_read_by_its_old_names() -> None:
    old = delivery(request_id="r-1", hop_count="7", trace_context=HEADERS[1], schema_version="1")

    assert (old.request_id, old.hop_count, old.trace_header) == ("r-1", 7, HEADERS[1])


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [("request_id", "1", "r-2"), ("hop_count", "1", "2"), ("trace_context", *HEADERS)],
)
def test_name_of_now_counts_where_a_message_has_both(name: str, before: str, now: str) -> None:
    both = delivery(**{name: before, f"tsunagu_{name}": now})

    found = {"request_id": both.request_id, "hop_count": str(both.hop_count), "trace_context": both.trace_header}
    assert found[name] == now


def test_old_names_are_those_of_now_without_the_prefix() -> None:
    assert all(name == f"tsunagu_{old}" for name, old in OLD_ATTRIBUTES.items())
