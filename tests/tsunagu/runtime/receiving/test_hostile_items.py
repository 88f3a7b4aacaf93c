"""Hostile items and answers: an item that cannot be read, or an answer of another shape, harms only its own message."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, QUEUE_ARN, World, order, record
from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.entries import EntryCall, send_entries
from tsunagu.runtime.aws.item_attributes import item_attributes
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id, payload_hash, unreadable_item_id
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.relay import addressed_messages
from tsunagu.runtime.sending.publish import EntryFailure, OutgoingMessage, SendResult

BAD = record(order("bad"), "m-bad")
NEIGHBOURS = [record(order("o-1"), "m-1"), record(order("o-2"), "m-2")]
BAD_ID = item_id("orders", "bad")
BESIDE_ID = unreadable_item_id(BAD_ID, payload_hash(order("bad")))
UNREADABLE = Verdict(Outcome.UNREADABLE, unreadable="its attribute status must be another")


def with_unreadable_item() -> World:
    world = World()
    world.store.items[BAD_ID] = cast("Any", UNREADABLE)
    return world


def test_item_that_cannot_be_read_harms_no_neighbour_and_its_message_dies_with_a_reason() -> None:
    world = with_unreadable_item()

    returned = world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1])
    assert (returned, world.effects()) == (["m-bad"], ["o-1", "o-2"])
    assert world.store.items[BESIDE_ID].attempts == 1
    for _ in range(MAX_ATTEMPTS - 1):
        returned = world.receive(BAD)

    assert (returned, world.effects()) == ([], ["o-1", "o-2"])
    (letter,) = world.dead_letter_queue.sent
    assert str(letter.attributes["tsunagu_dead_letter_reason"]).endswith(
        "the idempotency item cannot be read: its attribute status must be another"
    )
    assert world.store.items[BAD_ID] is cast("Any", UNREADABLE)


def test_message_goes_on_once_its_item_can_be_read_again() -> None:
    world = with_unreadable_item()
    world.receive(BAD)
    del world.store.items[BAD_ID]

    assert world.receive(BAD) == []
    assert world.effects() == ["bad"]


def test_redriven_message_is_processed_once_its_item_can_be_read_again() -> None:
    world = with_unreadable_item()
    for _ in range(MAX_ATTEMPTS):
        world.receive(BAD)
    assert world.receive(BAD) == []  # delivered once more: it is dead, and not dead-lettered again
    assert len(world.dead_letter_queue.sent) == 1
    del world.store.items[BAD_ID]

    assert world.receive({**BAD, "messageId": "m-redriven"}) == []
    assert world.effects() == ["bad"]


def test_item_that_cannot_be_read_is_logged_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[dict[str, object]] = []

    class Collector(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            seen.append({"message": record.getMessage(), "level": record.levelname})
            return True

    caplog.handler.addFilter(Collector())
    with_unreadable_item().receive(BAD)

    assert {"message": "item not readable", "level": "ERROR"} in seen


def test_message_whose_two_items_cannot_be_read_comes_back() -> None:
    world = with_unreadable_item()
    world.store.items[BESIDE_ID] = cast("Any", UNREADABLE)

    assert world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1]) == ["m-bad"]
    assert world.effects() == ["o-1", "o-2"]


def test_invalid_message_with_an_unreadable_item_dies_at_once() -> None:
    world = World()
    world.store.items["orders#message-id:m-bad"] = cast("Any", UNREADABLE)

    assert world.receive(record("no json", "m-bad")) == []
    assert "the body must be JSON" in str(world.dead_letter_queue.sent[0].attributes["tsunagu_dead_letter_reason"])


NOW = World().clock.ms
STATUSES = st.sampled_from(Status)
NUMBERS = st.integers(0, items.NEVER)
TEXTS = st.text(max_size=20) | st.just("m-bad")
OUTBOXES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=()), max_size=9),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["channel", "target", "body", "attributes", "group_id", "awaits", "x"]), inner
        )
        | st.fixed_dictionaries({"channel": st.just("queue"), "target": st.just("https://sqs/q"), "body": inner})
    ),
    max_leaves=6,
).map(json.dumps)


@given(
    status=STATUSES,
    numbers=st.tuples(*[NUMBERS] * 6),
    texts=st.tuples(*[TEXTS] * 5),
    outbox=OUTBOXES | st.text(),
    ids=st.tuples(*[st.lists(TEXTS).map(tuple)] * 2),
    own_payload=st.booleans(),
)
def test_no_item_harms_the_neighbours_of_its_message(
    *,
    status: Status,
    numbers: tuple[int, ...],
    texts: tuple[str, ...],
    outbox: str,
    ids: tuple[tuple[str, ...], tuple[str, ...]],
    own_payload: bool,
) -> None:
    fence, lease, attempts, settled, updated, expiration = numbers
    owner, request_id, reason, result, digest = texts
    world = World()
    world.store.items[BAD_ID] = Item(
        id=BAD_ID,
        status=status,
        owner=owner,
        fence=fence,
        lease=lease,
        attempts=attempts,
        settled=settled,
        payload_hash=payload_hash(order("bad")) if own_payload else digest,
        request_id=request_id,
        reason=reason,
        outbox=outbox,
        result=result,
        message_ids=ids[0],
        told=ids[1],
        updated=updated,
        expiration=expiration,
    )

    returned = world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1])

    assert returned in ([], ["m-bad"])
    assert [effect for effect in world.effects() if effect != "bad"] == ["o-1", "o-2"]


ITEM = Item(id="orders#1", status=Status.RELEASED, owner="me", fence=1, lease=0, message_ids=("m-1",), reason="why")
ATTRIBUTES = item_attributes(ITEM)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["S", "N", "L", "M", "NULL"]), inner),
    max_leaves=4,
)


class Answering:
    """A client of DynamoDB with prepared answers."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.__dict__.update(answers)


def store(**answers: Callable[..., Any]) -> DynamoDbItemStore:
    return DynamoDbItemStore(cast("Any", Answering(**answers)), "items")


def read(attributes: Mapping[str, Any]) -> Item | Verdict | None:
    answer = {"Responses": {"items": [attributes, {**ATTRIBUTES, "id": {"S": "orders#2"}}]}}
    first, second = store(batch_get_item=lambda **_: answer).read(["orders#1", "orders#2"])
    assert second == replace(ITEM, id="orders#2")
    return first


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"status": {"S": "PAUSED"}}, "its attribute status must be one of ['INPROGRESS', "),
        ({"status": {"N": "1"}}, "its attribute status must be one of "),
        ({"fence": {"S": "1"}}, "its attribute fence must be of type N"),
        ({"fence": {"N": "1.5"}}, "its attribute fence must be of type N"),
        ({"lease": {"N": "9" * 38}}, "its attribute lease must be of type N"),
        ({"message_ids": {"SS": ["m-1"]}}, "its attribute message_ids must be of type L"),
        ({"reason": {"NULL": True}}, "its attribute reason must be of type S"),
        ({"owner": None}, "it must have the attributes ['owner']"),
        ({"status": None, "fence": None}, "it must have the attributes ['status', 'fence']"),
    ],
)
def test_item_of_another_form_is_unreadable_and_says_why(change: dict[str, Any], problem: str) -> None:
    attributes = {name: value for name, value in {**ATTRIBUTES, **change}.items() if value is not None}

    found = read(attributes)

    assert isinstance(found, Verdict)
    assert (found.outcome, found.unreadable.startswith(problem)) == (Outcome.UNREADABLE, True)


def test_attribute_that_another_release_has_added_is_ignored() -> None:
    assert read({**ATTRIBUTES, "shelf": {"M": {}}}) == ITEM


@given(st.dictionaries(st.sampled_from([*ATTRIBUTES.keys() - {"id"}, "told", "outbox"]), VALUES))
def test_no_attribute_of_an_item_raises_or_hides_another_item(change: dict[str, Any]) -> None:
    read({**ATTRIBUTES, **change})


ANSWERS = st.lists(VALUES, max_size=3) | st.lists(
    st.fixed_dictionaries({}, optional={"Error": VALUES | st.fixed_dictionaries({"Code": VALUES, "Item": VALUES})}),
    min_size=1,
    max_size=2,
)


@given(ANSWERS, VALUES)
def test_no_answer_of_the_table_raises_past_the_batch(responses: list[Any], found: Any) -> None:
    world = World()
    world.store = cast(
        "Any",
        store(
            batch_execute_statement=lambda **_: {"Responses": responses},
            batch_get_item=lambda **_: {"Responses": {"items": [found]}},
        ),
    )

    assert set(world.receive(*NEIGHBOURS, process=lambda _body, _message: None)) <= {"m-1", "m-2"}


class OddError(Exception):
    """An error that the adapters do not know."""


class RaisingFor:
    """Raises for a call that carries the message, the item or the outbox of the key `bad`."""

    def __init__(self, world: World, *methods: str) -> None:
        self._store = world.store
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in self._methods:
            return method

        def guarded(entries: Sequence[Any]) -> Any:
            if any(BAD_ID in repr(entry) for entry in entries):
                raise OddError
            return method(entries)

        return guarded


@pytest.mark.parametrize("method", ["insert", "update"])
def test_entry_that_makes_a_call_to_the_table_raise_harms_no_neighbour(method: str) -> None:
    world = World()
    memory = world.store
    world.store = cast("Any", RaisingFor(world, method))

    assert world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1], process=lambda _body, _message: None) == ["m-bad"]
    assert [memory.items[item_id("orders", key)].status for key in ("o-1", "o-2")] == [Status.COMPLETED] * 2


def test_read_that_raises_for_one_item_harms_no_neighbour() -> None:
    world = World()
    world.receive(*NEIGHBOURS)
    world.receive(BAD)
    world.store = cast("Any", RaisingFor(world, "read"))

    assert world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1]) == ["m-bad"]


def test_outbox_that_makes_a_send_raise_harms_no_neighbour() -> None:
    world = World()
    send = world.outbox.send

    def raising(messages: Sequence[Any]) -> list[SendResult]:
        if any(message.outbox_message.body == "bad" for message in messages):
            raise OddError
        return send(messages)

    world.outbox.send = raising  # type: ignore[method-assign]

    def process(body: JsonObject, message: Message) -> None:
        message.outbox.send("https://sqs/next", body["order_id"])

    assert world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1], process=process) == ["m-bad"]
    assert [each.outbox_message.body for each in world.outbox.sent] == ["o-1", "o-2"]
    assert world.store.items[BAD_ID].attempts == 1


def test_dead_letter_that_makes_a_send_raise_harms_no_neighbour() -> None:
    world = World()
    send = world.dead_letter_queue.send

    def raising(messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        if any("bad" in message.body for message in messages):
            raise OddError
        return send(messages)

    world.dead_letter_queue.send = raising  # type: ignore[method-assign]

    assert world.receive(record("no json", "m-1"), record("bad json", "m-bad"), record("no json", "m-2")) == ["m-bad"]


@pytest.mark.parametrize("error", [OddError, UnavailableError])
def test_notification_or_visibility_that_raises_ends_no_invocation(error: type[Exception]) -> None:
    world = World()

    def raising(*_arguments: object) -> Any:
        raise error

    world.topic.notify = raising  # type: ignore[assignment, method-assign]
    world.visibility.change = raising  # type: ignore[assignment, method-assign]

    def process(body: JsonObject, _message: Message) -> None:
        if body["order_id"] == "bad":
            raise ValueError

    returned = world.receive(record("no json", "m-invalid"), BAD, NEIGHBOURS[0], process=process)
    assert returned == ["m-invalid", "m-bad"]


def test_message_that_the_sdk_cannot_write_is_refused_alone_and_for_good() -> None:
    def call(messages: Sequence[OutgoingMessage]) -> Mapping[str, Any]:
        for message in messages:
            message.body.encode()  # as the SDK does
        return {"Successful": [{"Id": str(index), "MessageId": "sent"} for index, _ in enumerate(messages)]}

    answers = send_entries(
        [OutgoingMessage(body=body) for body in ("a", "\ud800", "b")],
        EntryCall("sqs:SendMessage", "next", call),
        in_order=False,
    )

    assert (answers[0], answers[2]) == ("sent", "sent")
    assert answers[1] == EntryFailure(
        "the SDK cannot write the message: UnicodeEncodeError", can_retry=False, is_permanent=True
    )


@pytest.mark.parametrize(
    "outbox",
    [
        "no json",
        pytest.param("[" * 100_000, id="deep"),
        "7",
        "[7]",
        '[{"target": "https://sqs/q"}]',
        '[{"channel": "pigeon", "target": "https://sqs/q", "body": "x"}]',
        '[{"channel": "queue", "target": ["https://sqs/q"], "body": "x"}]',
        '[{"channel": "queue", "target": "no url", "body": "x"}]',
        '[{"channel": "queue", "target": "https://sqs/q", "body": null}]',
        '[{"channel": "queue", "target": "https://sqs/q", "body": "\\ud800"}]',
        '[{"channel": "queue", "target": "https://sqs/q", "body": "x", "attributes": [1]}]',
        '[{"channel": "queue", "target": "https://sqs/q", "body": "x", "awaits": {"a": 1}}]',
        '[{"channel": "queue", "target": "https://sqs/q", "body": "x", "color": "red"}]',
    ],
)
def test_outbox_of_an_item_that_cannot_be_read_is_given_up_at_once(outbox: str) -> None:
    world = World()
    world.outbox.broken = True
    world.receive(BAD, process=lambda _body, message: message.outbox.send("https://sqs/next", "x"))
    world.store.items[BAD_ID] = replace(world.store.items[BAD_ID], outbox=outbox)
    world.outbox.broken = False

    assert world.receive(NEIGHBOURS[0], BAD, NEIGHBOURS[1]) == []
    assert world.effects() == ["o-1", "o-2"]
    (letter,) = world.dead_letter_queue.sent
    assert "the outbox of the item cannot be read" in str(letter.attributes["tsunagu_dead_letter_reason"])


def test_outbox_of_the_item_is_read_as_it_was_put() -> None:
    world = World()
    world.outbox.broken = True

    def process(_body: JsonObject, message: Message) -> None:
        message.outbox.publish(QUEUE_ARN.replace("sqs", "sns"), "text", awaits={"a": "b"}, group_id="g")

    world.receive(BAD, process=process)

    (message,) = addressed_messages(world.store.items[BAD_ID])
    assert (message.outbox_message.awaits, message.outbox_message.group_id) == ({"a": "b"}, "g")
