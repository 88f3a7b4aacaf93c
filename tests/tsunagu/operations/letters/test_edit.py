"""A letter goes back with another payload, in the envelope that it had, if its item takes one."""

import json
from dataclasses import replace

import boto3
import pytest

from tests.tsunagu.operations.letters.samples import (
    ORDERS,
    TO_QUEUE,
    envelope,
    failed_invocation,
    letter,
    opened,
    ours,
)
from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts.items import FREE, NEVER, Status
from tsunagu.errors import InvalidInputError, OperationError
from tsunagu.operations.letters.edit import editable_text, edited_letter, payload_of, prepare_item
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.redrive import redriven_message
from tsunagu.runtime.aws.item_attributes import item_attributes
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.testing.fakes import START_MS

TABLE = "items"
FOUND = letter({"amount": -1}, attributes=ours())


def item(status: Status, lease: int = NEVER) -> Item:
    return Item(id="orders@orders#1", status=status, owner="w", fence=3, lease=lease, attempts=5, reason="it is broken")


@pytest.fixture
def items(aws: None) -> LetterItems:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return LetterItems(lambda: dynamodb, [TABLE])


def put(found: Item) -> Item:
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item_attributes(found))
    return found


@pytest.mark.parametrize(
    ("read", "payload", "body"),
    [
        (opened(FOUND, queues=(ORDERS,)), '{"amount": 1}', '{"amount": 1}'),
        (
            opened(letter(envelope()), subscriptions=(TO_QUEUE,)),
            '"new"',
            json.dumps({**envelope(), "Message": '"new"'}),
        ),
        (
            opened(letter(failed_invocation())),
            '{"bill": 8}',
            json.dumps({**failed_invocation(), "requestPayload": {"bill": 8}}),
        ),
    ],
    ids=["of a queue", "of a subscription", "of a function"],
)
def test_new_payload_is_in_the_envelope_of_the_old_one(read: OpenedLetter, payload: str, body: str) -> None:
    edited = edited_letter(read, payload).delivery.body

    assert edited == body if read.payload == read.letter.delivery.body else json.loads(edited) == json.loads(body)


def test_payload_that_was_json_stays_json() -> None:
    with pytest.raises(InvalidInputError, match="the payload must be JSON, got an error at line 1, column 12"):
        edited_letter(opened(FOUND, queues=(ORDERS,)), '{"amount": }')


def test_payload_that_was_no_json_may_be_any_text() -> None:
    assert edited_letter(opened(letter("amount -1"), queues=(ORDERS,)), "amount 1").delivery.body == "amount 1"


def test_numbers_of_a_failed_invocation_keep_all_digits() -> None:
    body = json.dumps(failed_invocation({"bill": 7}))
    read = opened(letter(body.replace('"bill": 7', '"bill": 12345678901234567.89')))

    assert read.payload == '{"bill":12345678901234567.89}'
    assert '"requestPayload":{"bill":12345678901234567.88}' in (
        edited_letter(read, '{"bill": 12345678901234567.88}').delivery.body
    )


def test_json_is_edited_in_lines_and_sent_short() -> None:
    shown = editable_text('{"name": "Zoë", "lines": [1]}')

    assert shown == '{\n  "name": "Zoë",\n  "lines": [\n    1\n  ]\n}\n'
    assert payload_of(shown, '{"name": "Zoë", "lines": [1]}') == '{"name":"Zoë","lines":[1]}'


@pytest.mark.parametrize("payload", ["no json", '{"amount": 12345678901234567.89}', "a\n"])
def test_other_text_is_edited_as_it_is(payload: str) -> None:
    assert editable_text(payload) == payload
    assert payload_of(f"{payload} more\n", payload) == f"{payload} more"


def test_edited_letter_of_a_fifo_queue_is_no_copy_of_the_old_one_nor_of_another_edition() -> None:
    read = opened(letter("old", group="g", attributes=ours()), queues=(ORDERS,))

    editions = [read.letter, edited_letter(read, "new"), edited_letter(read, "newer")]

    assert len({redriven_message(each).deduplication_id for each in editions}) == 3
    assert (
        redriven_message(editions[1]).deduplication_id == redriven_message(edited_letter(read, "new")).deduplication_id
    )


@pytest.mark.parametrize(
    ("read", "payload", "sentence"),
    [
        (opened(FOUND), " ", "the payload must be text that is not empty"),
        (opened(letter(failed_invocation())), "no json", "the payload must be JSON, got an error at line 1, column 1"),
    ],
)
def test_payload_that_nobody_could_take_is_refused(read: OpenedLetter, payload: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        edited_letter(read, payload)


@pytest.mark.parametrize("found", [None, item(Status.DEAD)])
def test_item_that_is_dead_or_not_there_takes_another_payload_as_it_is(items: LetterItems, found: Item | None) -> None:
    prepare_item(items, found, FOUND, START_MS)


@pytest.mark.parametrize("found", [item(Status.RELEASED, FREE), item(Status.INPROGRESS, START_MS - 1)])
def test_item_that_nobody_works_on_is_closed(items: LetterItems, found: Item) -> None:
    put(found)

    prepare_item(items, found, FOUND, START_MS)

    closed = items.read([found.id])[found.id]
    assert (closed.status, closed.lease, closed.message_ids) == (Status.DEAD, NEVER, ("letter-1",))
    assert (closed.fence, closed.reason) == (3, "it is broken")
    assert [each.id for each in items.dead()] == [found.id]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (item(Status.COMPLETED), "the item of the letter must not be done, got COMPLETED"),
        (item(Status.COMMITTED), "the item of the letter must not be done, got COMMITTED"),
        (item(Status.INPROGRESS, START_MS + 1), "nobody may work on the item orders@orders#1, got INPROGRESS"),
    ],
)
def test_item_that_is_done_or_held_takes_no_other_payload(items: LetterItems, found: Item, sentence: str) -> None:
    put(found)

    with pytest.raises(OperationError, match=sentence):
        prepare_item(items, found, FOUND, START_MS)
    assert items.read([found.id])[found.id] == found


def test_item_that_a_worker_has_taken_meanwhile_is_left_to_it(items: LetterItems) -> None:
    read = item(Status.RELEASED, FREE)
    taken = put(replace(read, status=Status.INPROGRESS, fence=4, lease=START_MS + 60_000))

    with pytest.raises(OperationError, match="nobody may work on the item"):
        prepare_item(items, read, FOUND, START_MS)
    assert items.read([read.id])[read.id] == taken


def test_receiver_processes_another_payload_under_the_key_of_a_dead_item() -> None:
    world = World()
    world.receive(record(order("o-1"), "m-1"), process=fails)
    assert world.only_item().status is Status.DEAD

    world.receive(record({**order("o-1"), "amount": 99}, "m-2"))

    assert world.only_item().status is Status.COMPLETED


def fails(*_: object) -> None:
    raise PermanentError("it is broken")
