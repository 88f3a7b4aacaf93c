"""Dead letters: sent with a reason and notified before the message is acknowledged; a redriven one is processed."""

import json
from collections.abc import Sequence
from itertools import count

import pytest

from tests.tsunagu.runtime.world import QUEUE_ARN, World, order, record
from tsunagu.contracts.items import KEPT_MESSAGE_IDS, OUTBOX_AND_RESULT_BYTES, Status
from tsunagu.contracts.messages import ATTRIBUTES_PER_MESSAGE, SNS_MESSAGE_BYTES, SQS_MESSAGE_BYTES
from tsunagu.runtime.aws.item_attributes import item_attributes
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel, DeadLetters
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.runtime.telemetry import AllowListFilter, Metrics
from tsunagu.testing.fakes import DENIED


@pytest.fixture
def world() -> World:
    return World()


def test_invalid_message_is_dead_lettered_as_it_was_with_reason_and_source(world: World) -> None:
    returned = world.receive(record({"wrong": 1}, attributes={"tsunagu_request_id": "r-1"}))

    (letter,) = world.dead_letter_queue.sent
    assert (returned, letter.body) == ([], '{"wrong": 1}')
    assert letter.attributes["tsunagu_dead_letter_reason"] == "an order must have an order_id, got ['wrong']"
    assert letter.attributes["tsunagu_dead_letter_source"] == f"{QUEUE_ARN}/m-1"


def test_fifo_dead_letter_keeps_its_group_and_has_an_id_of_its_own(world: World) -> None:
    world.receive(record("no json", group="g"))

    (letter,) = world.dead_letter_queue.sent
    assert (letter.group_id, letter.deduplication_id) == ("g", "dead-m-1")


def test_dead_letter_of_a_fair_queue_keeps_its_group_without_a_deduplication_id(world: World) -> None:
    world.receive(record("no json", tenant="a"))

    (letter,) = world.dead_letter_queue.sent
    assert (letter.group_id, letter.deduplication_id) == ("a", None)


def test_one_notification_lists_all_dead_letters_of_a_batch(world: World) -> None:
    world.receive(*[record("no json", f"m-{n}") for n in range(3)])

    (notification,) = world.topic.published
    assert [letter["message_id"] for letter in notification["dead_letters"]] == ["m-0", "m-1", "m-2"]


@pytest.mark.parametrize("broken", ["dead_letter_queue", "topic"])
def test_dead_letter_that_was_not_sent_or_not_notified_is_not_acknowledged_and_is_repeated(
    world: World, broken: str
) -> None:
    getattr(world, broken).broken = True
    assert world.receive(record("no json")) == ["m-1"]
    assert world.statuses() == [Status.DEAD]
    getattr(world, broken).broken = False

    assert world.receive(record("no json")) == []
    assert "the body must be JSON" in str(world.dead_letter_queue.sent[-1].attributes["tsunagu_dead_letter_reason"])
    assert len(world.topic.published) == 1


def test_notified_dead_letter_is_only_acknowledged(world: World) -> None:
    world.receive(record("no json"))

    assert world.receive(record("no json")) == []
    assert (len(world.dead_letter_queue.sent), len(world.topic.published)) == (1, 1)


def test_each_record_of_a_dead_message_is_sent_even_if_only_one_is_delivered_again(world: World) -> None:
    def never(_body: JsonObject, _message: Message) -> None:
        world.dead_letter_queue.broken = True
        raise_permanent()

    world.receive(record(order("o-1"), "m-1"), record(order("o-1"), "m-2"), process=never)
    world.dead_letter_queue.broken = False

    assert world.receive(record(order("o-1"), "m-1")) == []
    assert world.receive(record(order("o-1"), "m-2")) == []
    assert len(world.dead_letter_queue.sent) == 2


def test_message_in_two_lanes_is_dead_lettered_once(world: World) -> None:
    world.topic.broken = True
    batch = [record(order("o-1"), "m-1"), record(order("o-1"), "m-2")]
    world.receive(*batch, process=lambda _b, _m: raise_permanent())
    world.topic.broken = False
    world.dead_letter_queue.sent.clear()

    assert world.receive(*batch) == []
    assert len(world.dead_letter_queue.sent) == 2


def test_redriven_message_claims_its_dead_item(world: World) -> None:
    world.receive(record(order("o-1"), "m-1"), process=lambda _b, _m: raise_permanent())

    assert world.receive(record(order("o-1"), "m-redriven")) == []
    assert (world.effects(), world.statuses()) == (["o-1"], [Status.COMPLETED])


def test_corrected_payload_claims_a_dead_item(world: World) -> None:
    world.receive(record(order("o-1", amount=-1), "m-1"), process=lambda _b, _m: raise_permanent())

    assert world.receive(record(order("o-1", amount=1), "m-2")) == []
    assert world.effects() == ["o-1"]


def test_item_that_is_dead_lettered_again_is_sent_and_notified_again(world: World) -> None:
    for message_id in ("m-1", "m-2", "m-3"):
        world.receive(record(order("o-1"), message_id), process=lambda _b, _m: raise_permanent())

    assert (len(world.dead_letter_queue.sent), len(world.topic.published)) == (3, 3)


def test_redriven_message_has_all_attempts_again(world: World) -> None:
    world.receive(record(order("o-1"), "m-1"), process=lambda _b, _m: raise_permanent())

    attempts: list[int] = []
    world.receive(record(order("o-1"), "m-2"), process=lambda _b, message: attempts.append(message.attempt))

    assert attempts == [1]


def test_other_payload_under_a_key_is_dead_lettered_and_the_first_one_stands(world: World) -> None:
    world.receive(record(order("o-1", amount=1), "m-1"))

    assert world.receive(record(order("o-1", amount=2), "m-2")) == []
    assert world.effects() == ["o-1"]
    assert sorted(world.statuses()) == [Status.COMPLETED, Status.DEAD]
    assert "another payload" in str(world.dead_letter_queue.sent[0].attributes["tsunagu_dead_letter_reason"])


def test_other_payload_under_a_key_of_the_same_batch_waits_for_the_first(world: World) -> None:
    batch = [record(order("o-1", amount=1), "m-1"), record(order("o-1", amount=2), "m-2")]

    assert world.receive(*batch) == ["m-2"]
    assert world.receive(batch[1]) == []
    assert len(world.dead_letter_queue.sent) == 1


def test_order_of_fields_and_white_space_do_not_make_another_payload(world: World) -> None:
    world.receive(record('{"order_id": "o-1", "amount": 1}', "m-1"))

    assert world.receive(record('{"amount":1,   "order_id":"o-1"}', "m-2")) == []
    assert world.counted()["DuplicatesSkipped"] == 1


@pytest.mark.parametrize("spare", [0, 1, 2])
def test_dead_letter_with_many_attributes_keeps_them_all(world: World, spare: int) -> None:
    attributes = {f"a{n}": "x" for n in range(ATTRIBUTES_PER_MESSAGE - spare)}

    world.receive(record("no json", attributes=attributes))

    sent = world.dead_letter_queue.sent[0].attributes
    assert attributes.keys() <= sent.keys()
    assert len(sent) == ATTRIBUTES_PER_MESSAGE


def test_dead_letter_of_the_largest_size_is_sent_without_a_reason(world: World) -> None:
    world.receive(record("x" * SQS_MESSAGE_BYTES))

    (letter,) = world.dead_letter_queue.sent
    assert (letter.size_bytes, letter.attributes) == (SQS_MESSAGE_BYTES, {})
    assert world.only_item().reason.startswith("the body must be JSON")


def test_reason_is_bounded_and_holds_no_new_line(world: World) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        raise_permanent("forged\nline " + "ü" * 2_000)

    world.receive(record(order("o-1")), process=fail)

    reason = world.only_item().reason
    assert len(reason.encode()) <= 1_024
    assert reason.startswith("forged?line")


def test_notification_of_many_letters_fits_into_sns(world: World) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        raise_permanent("я" * 2_000)

    world.receive(*[record(order(f"o-{n}"), f"m-{n}") for n in range(120)], process=fail)

    sizes = [len(json.dumps(each, ensure_ascii=False).encode()) for each in world.topic.published]
    assert (len(sizes), max(sizes) < SNS_MESSAGE_BYTES) == (2, True)


def test_notification_names_queue_request_item_and_attempts(world: World) -> None:
    world.receive(record("no json", attributes={"tsunagu_request_id": "r-1"}))

    (letter,) = world.topic.published[0]["dead_letters"]
    assert letter.keys() == {"message_id", "request_id", "item_id", "attempts", "reason"}
    assert (letter["request_id"], json.dumps(letter["item_id"])) == ("r-1", '"orders#message-id:m-1"')


@pytest.mark.parametrize(("group", "tenant"), [(None, None), ("g", None), (None, "a")])
def test_dead_letter_is_the_message_with_where_it_came_from_and_why(
    world: World, group: str | None, tenant: str | None
) -> None:
    raw = record("no json", group=group, tenant=tenant, attributes={"n": "v"})
    raw["attributes"]["AWSTraceHeader"] = "Root=1-2-3"
    raw["messageAttributes"]["b"] = {"dataType": "Binary.x", "binaryValue": "YQ=="}

    world.receive(raw)

    (letter,) = world.dead_letter_queue.sent
    assert letter == OutgoingMessage(
        body="no json",
        attributes={
            "n": Attribute("String", "v"),
            "b": Attribute("Binary.x", b"a"),
            "tsunagu_dead_letter_source": f"{QUEUE_ARN}/m-1",
            "tsunagu_dead_letter_reason": world.only_item().reason,
            "tsunagu_dead_letter_item": world.only_item().id,
        },
        group_id=group or tenant,
        deduplication_id="dead-m-1" if group else None,
        trace_header="Root=1-2-3",
    )


def test_dead_letter_of_an_empty_body_has_one_that_sqs_takes(world: World) -> None:
    world.receive(record(""))

    assert world.dead_letter_queue.sent[0].body == "null"


@pytest.mark.parametrize(("letters", "subjects"), [(100, [100]), (101, [100, 1])])
def test_notifications_list_a_hundred_letters_each_and_say_how_many(
    world: World, letters: int, subjects: list[int]
) -> None:
    notified: list[tuple[str, str]] = []
    world.topic.notify = lambda subject, message: notified.append((subject, message))  # type: ignore[method-assign]

    assert world.receive(*[record("ü", f"m-{n}") for n in range(letters)]) == []
    assert [subject for subject, _ in notified] == [f"{number} dead letters from orders" for number in subjects]
    first = json.loads(notified[0][1])
    assert first.keys() == {"queue_arn", "dead_letters"}
    assert first["queue_arn"] == QUEUE_ARN
    assert first["dead_letters"][0] == {
        "message_id": "m-0",
        "request_id": "m-0",
        "item_id": "orders#message-id:m-0",
        "attempts": 1,
        "reason": "the body must be JSON, got an error at line 1, column 1: Expecting value",
    }


def test_notification_has_texts_as_they_are(world: World) -> None:
    notified: list[str] = []
    world.topic.notify = lambda subject, message: notified.append(message)  # type: ignore[method-assign]  # noqa: ARG005

    world.receive(record(order("o-1")), process=lambda _b, _m: raise_permanent("über"))

    assert '"reason": "über"' in notified[0]


def test_letters_of_a_notification_that_failed_are_counted_and_those_of_others_are_acknowledged(world: World) -> None:
    notify, calls = world.topic.notify, count()

    def first_fails(subject: str, message: str) -> None:
        if next(calls) == 0:
            raise ValueError
        notify(subject, message)

    world.topic.notify = first_fails  # type: ignore[method-assign]
    returned = world.receive(*[record("no json", f"m-{n}") for n in range(150)])

    assert returned == [f"m-{n}" for n in range(100)]
    assert (world.counted()["CallsFailed"], world.counted()["MessagesDeadLettered"]) == (100, 50)


def test_dead_letter_whose_send_failed_is_not_notified_and_its_neighbour_is(world: World) -> None:
    send = world.dead_letter_queue.send

    def refusing(messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        sent = send(messages)
        return [SendResult(None, "Odd: no") if "bad" in each.body else sent[n] for n, each in enumerate(messages)]

    world.dead_letter_queue.send = refusing  # type: ignore[method-assign]

    assert world.receive(record("bad json", "m-bad"), record("no json", "m-2")) == ["m-bad"]
    (notification,) = world.topic.published
    assert [letter["message_id"] for letter in notification["dead_letters"]] == ["m-2"]


class Teller:
    """Tells whoever waits for a message, with a result that a test prepared."""

    def __init__(self, result: SendResult | None) -> None:
        self.result = result
        self.told: list[tuple[str, str, str]] = []

    def tell(self, item: Item, delivery: Delivery, reason: str) -> SendResult | None:
        self.told.append((item.id, delivery.message_id, reason))
        return self.result


LETTERS = DeadLetters(
    Item(
        id="orders#1",
        status=Status.DEAD,
        owner="me",
        fence=1,
        lease=0,
        reason="ValueError: secret",
        published_reason="ValueError",
    ),
    (Delivery.from_record(record(order("o-1"), attributes={"tsunagu_request_id": "r-1"})),),
)


@pytest.mark.parametrize(("with_text", "reason"), [(True, "ValueError: secret"), (False, "ValueError")])
@pytest.mark.parametrize("result", [None, SendResult("told"), SendResult(None)])
def test_whoever_waits_is_told_the_published_reason_before_the_letter_is_sent(
    world: World, result: SendResult | None, with_text: bool, reason: str
) -> None:
    teller = Teller(result)
    channel = DeadLetterChannel(world.dead_letter_queue, world.topic, QUEUE_ARN, publish_error_text=with_text)
    metrics = Metrics("Tsunagu", "orders", world.clock, world.metrics)

    assert channel.telling(teller).send([LETTERS], metrics) == {"m-1"}
    metrics.flush()

    assert (teller.told, world.counted()) == ([("orders#1", "m-1", reason)], {})
    assert world.dead_letter_queue.sent[0].attributes["tsunagu_dead_letter_reason"] == reason
    assert world.topic.published[0]["queue_arn"] == QUEUE_ARN


def test_letter_waits_until_whoever_waits_for_the_message_was_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    channel = DeadLetterChannel(world.dead_letter_queue, world.topic, QUEUE_ARN)
    metrics = Metrics("Tsunagu", "orders", world.clock, world.metrics)
    caplog.handler.addFilter(AllowListFilter("orders"))

    told = channel.telling(Teller(SendResult(None, "denied", call=DENIED))).send([LETTERS], metrics)
    metrics.flush()

    assert (told, world.dead_letter_queue.sent, world.topic.published) == (set(), [], [])
    assert world.counted() == {"CallsFailed": 1, "ConfigurationFaults": 1}
    (line,) = caplog.records
    expected = {"request_id": "r-1", "message_id": "m-1", "item_id": "orders#1", "error_code": DENIED.code}
    assert (line.levelname, line.message) == ("ERROR", "dead letter not told")
    assert {name: vars(line)[name] for name in expected} == expected


def test_reasons_of_a_refused_payload_and_of_its_key_say_what_stands(world: World) -> None:
    world.receive(record(order("o-1", amount=1), "m-1"))
    world.receive(record(order("o-1", amount=2), "m-2"))

    (letter,) = world.dead_letter_queue.sent
    assert letter.attributes["tsunagu_dead_letter_reason"] == (
        "the key is taken by another payload: the first one stands, this one is refused"
    )


COPIES = [record(order("o-1"), f"{number:036}") for number in range(10_000)]


def item_bytes(item: Item) -> int:
    """Return the size of an item as DynamoDB counts it, about: names and texts, and 1 or 3 bytes for each value."""
    return sum(len(name) + len(json.dumps(value)) for name, value in item_attributes(item).items())


def test_item_of_ten_thousand_copies_stays_small_and_all_are_dead_lettered_once(world: World) -> None:
    returned = world.receive(*COPIES, process=lambda _b, _m: raise_permanent("x" * 2_000))

    assert (returned, len(world.dead_letter_queue.sent)) == ([], len(COPIES))
    assert item_bytes(world.only_item()) < 409_600 - OUTBOX_AND_RESULT_BYTES


def test_copy_whose_id_is_not_kept_is_not_acknowledged_without_its_dead_letter(world: World) -> None:
    world.topic.broken = True
    copies = COPIES[: KEPT_MESSAGE_IDS + 50]
    waiting = {each["messageId"]: each for each in copies}
    assert len(world.receive(*copies, process=lambda _b, _m: raise_permanent())) == len(copies)
    world.topic.broken = False

    for _ in range(5):
        returned = world.receive(*waiting.values(), process=lambda _b, _m: raise_permanent())
        waiting = {message_id: waiting[message_id] for message_id in returned}
        if not waiting:
            break

    assert waiting == {}
    told = {letter["message_id"] for notification in world.topic.published for letter in notification["dead_letters"]}
    assert told == {each["messageId"] for each in copies}


def test_copy_beside_one_that_is_kept_waits_and_is_dead_lettered_by_itself(world: World) -> None:
    copies = COPIES[: KEPT_MESSAGE_IDS + 1]
    world.receive(*copies, process=lambda _b, _m: raise_permanent())
    letters = len(world.dead_letter_queue.sent)

    assert world.receive(copies[0], copies[-1]) == [copies[0]["messageId"]]  # the acknowledgement of both was lost
    assert world.receive(copies[0], process=lambda _b, _m: raise_permanent()) == []
    assert len(world.dead_letter_queue.sent) == letters + 1


def test_item_whose_outbox_is_given_up_for_many_copies_stays_small(world: World) -> None:
    def send(_body: JsonObject, message: Message) -> None:
        message.outbox.send("https://sqs/next", "never")

    assert world.receive(*COPIES[: KEPT_MESSAGE_IDS * 2], process=send) == []
    assert (len(world.only_item().told), world.only_item().status) == (KEPT_MESSAGE_IDS, Status.COMMITTED)


def raise_permanent(text: str = "never") -> None:
    raise PermanentError(text)
