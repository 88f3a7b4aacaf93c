"""The outbox: its messages are sent when the effect is committed, and only then; none is lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.tsunagu.runtime.world import Process, World, order, record
from tsunagu.contracts.items import NEVER, Status
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import (
    OUTBOX_BYTES,
    SEND_ROUNDS,
    Channel,
    Outbox,
    OutboxMessage,
    check_message,
    encode,
)

QUEUE_URL = "https://sqs/next"
TOPIC_ARN = "arn:aws:sns:eu-central-1:111122223333:done"


@pytest.fixture
def world() -> World:
    return World()


def transactional(body: JsonObject, message: Message) -> None:
    message.outbox.send(QUEUE_URL, json.dumps(body))
    with message.transaction() as transaction:
        transaction.put("effects", {"order_id": body["order_id"]})


def plain(body: JsonObject, message: Message) -> None:
    message.outbox.publish(TOPIC_ARN, json.dumps(body))


both_modes = pytest.mark.parametrize("process", [transactional, plain])


@both_modes
def test_messages_are_sent_and_the_item_is_completed(world: World, process: Process) -> None:
    returned = world.receive(record(order("o-1"), attributes={"tsunagu_request_id": "r-1"}), process=process)

    (sent,) = world.outbox.sent
    assert (returned, world.statuses()) == ([], [Status.COMPLETED])
    assert json.loads(sent.outbox_message.body) == order("o-1")
    assert sent.outbox_message.attributes == {"tsunagu_request_id": "r-1"}
    assert world.only_item().outbox == ""


def test_a_function_that_fails_sends_nothing(world: World) -> None:
    def fail(_body: JsonObject, message: Message) -> None:
        message.outbox.send(QUEUE_URL, "x")
        raise ValueError

    world.receive(record(order("o-1")), process=fail)

    assert world.outbox.sent == []


@both_modes
def test_item_whose_sends_fail_stays_committed_and_its_message_is_delivered_again(
    world: World, process: Process
) -> None:
    world.outbox.broken = True

    assert world.receive(record(order("o-1")), process=process) == ["m-1"]
    assert world.statuses() == [Status.COMMITTED]
    assert world.visibility.changed["handle-m-1"] <= 4


def test_messages_are_sent_after_a_crash_between_effect_and_send_without_a_second_effect(world: World) -> None:
    world.store.plan("transact", "killed_after")
    world.receive_and_die(record(order("o-1")), process=transactional)
    assert (world.outbox.sent, world.statuses()) == ([], [Status.COMMITTED])
    world.pass_lease()

    assert world.receive(record(order("o-1"), "m-2"), process=transactional) == []
    assert (world.effects(), len(world.outbox.sent), world.statuses()) == (["o-1"], 1, [Status.COMPLETED])


def test_crash_between_send_and_completion_sends_again_with_the_same_id(world: World) -> None:
    world.store.plan("update", "killed_before")
    world.receive_and_die(record(order("o-1")), process=transactional)
    world.pass_lease()

    world.receive(record(order("o-1")), process=transactional)

    first, second = world.outbox.sent
    assert first == second
    assert world.effects() == ["o-1"]


def test_copy_that_is_delivered_while_the_owner_may_be_sending_does_not_send_too(world: World) -> None:
    world.store.plan("transact", "killed_after")
    world.receive_and_die(record(order("o-1")), process=transactional)

    assert world.receive(record(order("o-1"), "m-2"), process=transactional) == ["m-2"]
    assert world.outbox.sent == []
    assert 10 <= world.visibility.changed["handle-m-2"] <= 15  # until the lease ends, and a little


def test_sends_that_failed_are_tried_again_by_the_next_worker(world: World) -> None:
    world.outbox.broken = True
    world.receive(record(order("o-1")), process=transactional)
    world.outbox.broken = False

    assert world.receive(record(order("o-1"), "m-2"), process=transactional) == []
    assert len(world.outbox.sent) == 1


def test_messages_that_an_earlier_release_committed_are_sent_at_once(world: World) -> None:
    world.store.plan("transact", "killed_after")
    world.receive_and_die(record(order("o-1")), process=transactional)
    item = world.only_item()
    world.store.items[item.id] = replace(item, lease=NEVER)

    assert world.receive(record(order("o-1"), "m-2"), process=transactional) == []
    assert len(world.outbox.sent) == 1


def test_other_payload_under_the_same_key_has_another_deduplication_id(world: World) -> None:
    for amount in (1, 2):
        assert world.receive(record(order("o-1", amount=amount), f"m-{amount}"), process=transactional) == []
        world.clock.ms += 3_601_000  # the idempotency window is over, so the key is free

    first, second = world.outbox.sent
    assert first.deduplication_id != second.deduplication_id


def test_messages_of_one_outbox_have_different_deduplication_ids(world: World) -> None:
    def process(body: JsonObject, message: Message) -> None:
        message.outbox.send(QUEUE_URL, "first")
        transactional(body, message)

    world.receive(record(order("o-1")), process=process)

    assert len({sent.deduplication_id for sent in world.outbox.sent}) == 2


def test_next_of_a_group_waits_until_the_messages_before_are_sent(world: World) -> None:
    world.outbox.broken = True
    batch = [record(order(key), key, group="g") for key in ("a", "b")]

    assert world.receive(*batch, process=transactional) == ["a", "b"]
    assert world.effects() == ["a"]


def test_send_that_is_refused_for_good_dead_letters_the_message_and_its_effect_stands(world: World) -> None:
    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "a":
            message.outbox.fail_task("spent token", "Error", "never")
        world.work(body, message)

    batch = [record(order("a"), "a", group="g"), record(order("b"), "b", group="g")]

    assert world.receive(*batch, process=process) == []
    assert world.effects() == ["a", "b"]
    assert [letter.body for letter in world.dead_letter_queue.sent] == ['{"order_id": "a"}']
    assert "done, but its messages were refused" in world.topic.published[0]["dead_letters"][0]["reason"]
    assert sorted(world.statuses()) == [Status.COMMITTED, Status.COMPLETED]


def test_redriven_message_of_a_committed_item_sends_again(world: World) -> None:
    world.outbox.broken = True
    rounds = [world.receive(record(order("o-1")), process=transactional) for _ in range(SEND_ROUNDS)]
    assert (rounds, len(world.dead_letter_queue.sent)) == ([["m-1"]] * (SEND_ROUNDS - 1) + [[]], 1)
    world.outbox.broken = False

    assert world.receive(record(order("o-1"), "m-redriven"), process=transactional) == []
    assert (world.effects(), len(world.outbox.sent), world.statuses()) == (["o-1"], 1, [Status.COMPLETED])


def test_redriven_message_has_all_rounds_of_sends_again(world: World) -> None:
    world.outbox.broken = True
    for _ in range(SEND_ROUNDS):
        world.receive(record(order("o-1")), process=transactional)

    assert world.receive(record(order("o-1"), "m-redriven"), process=transactional) == ["m-redriven"]
    assert len(world.dead_letter_queue.sent) == 1
    assert "were refused 20 times" in world.topic.published[0]["dead_letters"][0]["reason"]


def test_item_of_sends_that_were_given_up_keeps_the_reason(world: World) -> None:
    world.outbox.broken = True
    for _ in range(SEND_ROUNDS):
        world.receive(record(order("o-1")), process=transactional)

    assert "were refused 20 times" in world.only_item().reason


def test_sends_that_may_succeed_are_tried_before_the_message_is_dead_lettered(world: World) -> None:
    def mixed(_body: JsonObject, message: Message) -> None:
        message.outbox.fail_task("token", "Error", "never")
        message.outbox.send(QUEUE_URL, "fine")

    world.outbox.broken = True
    assert world.receive(record(order("o-1")), process=mixed) == ["m-1"]
    world.outbox.broken = False

    assert world.receive(record(order("o-1")), process=mixed) == []
    assert [sent.outbox_message.body for sent in world.outbox.sent] == ["fine"]
    assert len(world.dead_letter_queue.sent) == 1


def test_message_given_to_the_outbox_after_the_commit_is_refused_and_counted(world: World) -> None:
    problems: list[str] = []

    def late(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        try:
            message.outbox.send(QUEUE_URL, "too late")
        except RuntimeError as error:  # swallowed, so the receiver must know it by itself
            problems.append(str(error))

    world.receive(record(order("o-1")), process=late)

    assert problems == [
        "a message for the outbox must be given before the message is completed, got it after: it is not carried out"
    ]
    assert world.counted()["FailuresAfterCommit"] == 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [(256 * 1024, "at most 262,144 bytes"), (OUTBOX_BYTES, "at most")],
)
def test_message_that_is_too_large_is_refused_at_once(size: int, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Outbox("r-1").publish(TOPIC_ARN, "x" * size)


def test_outbox_that_does_not_fit_into_an_item_is_refused_at_once() -> None:
    outbox = Outbox("r-1")
    outbox.send(QUEUE_URL, "x" * (OUTBOX_BYTES - 1_000))

    with pytest.raises(ValueError, match="at most 300,000 bytes together"):
        outbox.send(QUEUE_URL, "x" * 1_000)


def test_more_attributes_than_sqs_allows_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="at most 10 attributes, got 11"):
        Outbox("r-1").send(QUEUE_URL, "x", attributes={f"a{n}": "v" for n in range(10)})


def test_number_of_hops_is_passed_on_to_what_a_message_sends(world: World) -> None:
    world.receive(
        record(order("o-1"), attributes={"tsunagu_request_id": "r-1", "tsunagu_hop_count": "7"}), process=transactional
    )

    assert world.outbox.sent[0].outbox_message.attributes == {"tsunagu_request_id": "r-1", "tsunagu_hop_count": "7"}


def test_request_id_and_hops_leave_room_for_eight_attributes() -> None:
    outbox = Outbox("r-1")
    outbox.count_hops(7)
    outbox.send(QUEUE_URL, "x", attributes={f"a{n}": "v" for n in range(8)})

    with pytest.raises(ValueError, match="at most 10 attributes, got 11"):
        outbox.send(QUEUE_URL, "x", attributes={f"a{n}": "v" for n in range(9)})


@pytest.mark.parametrize(
    ("give", "sentence"),
    [
        (lambda outbox: outbox.send("", "x"), "target of a message for a queue must not be empty"),
        (lambda outbox: outbox.succeed_task("", {}), "target of a message for a task-success must not be empty"),
        (
            lambda outbox: outbox.succeed_task("t", float("nan")),
            "output of a task must be JSON: .*Out of range",
        ),
        (lambda outbox: outbox.succeed_task("t", {"a": object()}), "output of a task must be JSON: .*object"),
        (lambda outbox: outbox.succeed_task("t", ["\ud800"]), "output of a task must be JSON: .*surrogate pair"),
        (lambda outbox: outbox.send(QUEUE_URL, ""), "body of a message for a queue must not be empty"),
        (lambda outbox: outbox.publish(TOPIC_ARN, ""), "body of a message for a topic must not be empty"),
        (lambda outbox: outbox.fail_task("t", "e", None), "body of .* task-failure must be text, got None"),
        (lambda outbox: outbox.send(QUEUE_URL, b"x"), "body of a message for a queue must be text, got bytes"),
        (lambda outbox: outbox.send(QUEUE_URL, "x", attributes={"n": 5}), "n of .* must be text, got int"),
        (lambda outbox: outbox.send(QUEUE_URL, "x", attributes={"n": None}), "n of .* must be text, got NoneType"),
        (lambda outbox: outbox.send(QUEUE_URL, "x", attributes={"n": ""}), "n of .* must not be empty"),
        (lambda outbox: outbox.send(QUEUE_URL, "x", group_id=5), "group_id of .* must be text, got int"),
        (lambda outbox: outbox.send(QUEUE_URL, "x", group_id="\ud800"), "surrogates not allowed"),
        (lambda outbox: outbox.send(QUEUE_URL, "\ud800"), "surrogates not allowed"),
        (lambda outbox: outbox.send("next", "x"), "target of a message for a queue must be a queue URL, got"),
        (lambda outbox: outbox.send("https://", "x"), "target of a message for a queue must be a queue URL, got"),
        (lambda outbox: outbox.send(TOPIC_ARN, "x"), "target of a message for a queue must be a queue URL, got"),
        (lambda outbox: outbox.publish("done", "x"), "target of a message for a topic must be the ARN of a topic"),
        (lambda outbox: outbox.publish(QUEUE_URL, "x"), "target of a message for a topic must be the ARN of a topic"),
        (lambda outbox: outbox.publish(None, "x"), "target of a message for a topic must be text, got NoneType"),
    ],
)
def test_message_that_cannot_be_sent_is_refused_before_the_commit(
    world: World, give: Callable[[Any], None], sentence: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        give(Outbox("r-1"))

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "bad":
            give(message.outbox)

    assert world.receive(record(order("bad")), record(order("good"), "m-2"), process=process) == ["m-1"]
    assert sorted(world.statuses()) == [Status.COMPLETED, Status.RELEASED]


def test_output_of_a_task_has_all_digits_of_its_numbers() -> None:
    outbox = Outbox("r-1")

    outbox.succeed_task("t", {"amount": Decimal("12345678901234567.89")})

    assert outbox.seal()[0].body == '{"amount":12345678901234567.89}'


def test_outbox_that_cannot_be_read_affects_no_other_message(world: World) -> None:
    world.outbox.broken = True
    world.receive(record(order("o-1")), record(order("o-2"), "m-2"), process=transactional)
    item = world.store.items[next(iter(world.store.items))]
    world.store.items[item.id] = replace(item, outbox='[{"channel":"queue","body":"x","of_a_later_release":1}]')
    world.outbox.broken = False

    assert world.receive(record(order("o-1")), record(order("o-2"), "m-2"), process=transactional) == []
    assert sorted(world.statuses()) == [Status.COMMITTED, Status.COMPLETED]
    assert "the outbox of the item cannot be read" in world.topic.published[0]["dead_letters"][0]["reason"]


def test_dead_letter_of_sends_that_were_given_up_is_only_acknowledged_when_delivered_again(world: World) -> None:
    world.outbox.broken = True
    for _ in range(SEND_ROUNDS):
        world.receive(record(order("o-1")), process=transactional)

    assert world.receive(record(order("o-1")), process=transactional) == []
    assert (len(world.dead_letter_queue.sent), len(world.topic.published)) == (1, 1)
    world.outbox.broken = False
    assert world.receive(record(order("o-1"), "m-redriven"), process=transactional) == []
    assert (len(world.outbox.sent), world.statuses()) == (1, [Status.COMPLETED])


def test_result_that_is_larger_than_most_topics_take_is_sent(world: World) -> None:
    """A topic may take 1 MiB: `max_message_bytes` of `TopicChannel`."""

    def publish_result(_body: JsonObject, message: Message) -> None:
        message.result = "x" * 300_000
        message.outbox.publish(TOPIC_ARN, None)

    assert world.receive(record(order("o-1")), process=publish_result) == []
    assert [len(sent.outbox_message.body) for sent in world.outbox.sent] == [300_000]


def test_messages_are_collected_with_all_that_they_were_given() -> None:
    outbox = Outbox("r-1", "Root=1-2-3")
    outbox.send(QUEUE_URL, "a", attributes={"n": "v"}, group_id="g")
    outbox.count_hops(3)
    outbox.publish(TOPIC_ARN, "b", attributes={"tsunagu_request_id": "mine"}, group_id="g", awaits={"x": "item-7"})
    outbox.send(QUEUE_URL, None)
    outbox.succeed_task("t-1", {"a": 1})
    outbox.fail_task("t-2", "Bad", "because")
    outbox.keep_object("staged/1", "kept/1")

    traced: dict[str, Any] = {"trace_header": "Root=1-2-3"}
    hops = {"tsunagu_request_id": "r-1", "tsunagu_hop_count": "3"}
    assert outbox.seal() == (
        OutboxMessage(
            channel=Channel.QUEUE,
            target=QUEUE_URL,
            body="a",
            attributes={"tsunagu_request_id": "r-1", "n": "v"},
            group_id="g",
            **traced,
        ),
        OutboxMessage(
            channel=Channel.TOPIC,
            target=TOPIC_ARN,
            body="b",
            attributes={**hops, "tsunagu_request_id": "mine"},
            group_id="g",
            awaits={"x": "item-7"},
            **traced,
        ),
        OutboxMessage(channel=Channel.QUEUE, target=QUEUE_URL, body="", attributes=hops, is_result=True, **traced),
        OutboxMessage(channel=Channel.TASK_SUCCESS, target="t-1", body='{"a":1}', **traced),
        OutboxMessage(channel=Channel.TASK_FAILURE, target="t-2", body="because", error="Bad", **traced),
        OutboxMessage(channel=Channel.OBJECT, target="kept/1", body="staged/1", **traced),
    )


def test_outbox_that_was_sealed_takes_nothing_more() -> None:
    outbox = Outbox("r-1")
    outbox.seal()

    with pytest.raises(RuntimeError, match=r"^a message for the outbox must be given before the message is completed"):
        outbox.send(QUEUE_URL, "late")
    assert outbox.seal() == ()


# Sizes of SQS and SNS are those of body and attributes: name, type and value.
CARRIED = len("tsunagu_request_id" + "String" + "r-1") + len("nString") + 2
LIMITS: list[tuple[str, Callable[[Outbox, int], None], int]] = [
    (
        "topic",
        lambda outbox, size: outbox.publish(TOPIC_ARN, "é" + "x" * (size - 2 - CARRIED), attributes={"n": "é"}),
        262_144,
    ),
    ("task-success", lambda outbox, size: outbox.succeed_task("t", "x" * (size - 2)), 262_144),
    ("task-failure", lambda outbox, size: outbox.fail_task("t", "Bad", "x" * size), 32_768),
    ("object", lambda outbox, size: outbox.keep_object("x" * size, "kept"), 1_024),
]


@pytest.mark.parametrize(("channel", "give", "limit"), LIMITS, ids=[channel for channel, _, _ in LIMITS])
def test_message_may_have_the_largest_size_of_its_channel(
    channel: str, give: Callable[[Outbox, int], None], limit: int
) -> None:
    give(Outbox("r-1"), limit)

    sentence = f"^a message for a {channel} must have at most {limit:,} bytes, got {limit + 1:,}$"
    with pytest.raises(ValueError, match=sentence):
        give(Outbox("r-1"), limit + 1)


def test_outbox_may_have_its_largest_size() -> None:
    empty = Outbox("r-1")
    empty.send(QUEUE_URL, "x")
    room = OUTBOX_BYTES - len(encode(empty.seal())) + 1

    Outbox("r-1").send(QUEUE_URL, "x" * room)

    with pytest.raises(ValueError, match=r"^all messages of an outbox must have at most 300,000 bytes together, got m"):
        Outbox("r-1").send(QUEUE_URL, "x" * (room + 1))


def test_more_than_one_empty_text_is_named() -> None:
    sentence = "^target and n and body of a message for a queue must not be empty$"
    with pytest.raises(ValueError, match=sentence):
        Outbox("r-1").send("", "", attributes={"n": ""})


def test_form_of_a_target_is_said_without_its_text() -> None:
    with pytest.raises(ValueError, match=r"^target of a message for a topic must be the ARN of a topic, got something"):
        Outbox("r-1").publish("secret", "x")


def test_texts_that_may_be_left_out_are_checked_where_they_are_given() -> None:
    odd: Any = 5
    message = OutboxMessage(channel=Channel.TASK_FAILURE, target="t", body="x", error="Bad")
    check_message(message)
    check_message(replace(message, error=None, trace_header=None, group_id=None))

    for name in ("error", "trace_header", "group_id", "body", "target"):
        with pytest.raises(TypeError, match=f"^{name} of a message for a task-failure must be text, got int$"):
            check_message(replace(message, **{name: odd}))
    with pytest.raises(TypeError, match=r"^x of a message for a task-failure must be text, got int$"):
        check_message(replace(message, awaits={"x": odd}))
    with pytest.raises(TypeError, match=r"^body of a message for a task-failure must be text, got NoneType$"):
        check_message(replace(message, body=None))  # type: ignore[arg-type]


def test_outbox_is_kept_as_json_without_what_is_empty() -> None:
    message = OutboxMessage(channel=Channel.QUEUE, target=QUEUE_URL, body="", attributes={"a": "b"}, group_id="g")

    assert json.loads(encode([message, replace(message, is_result=True, attributes={}, group_id=None)])) == [
        {"channel": "queue", "target": QUEUE_URL, "attributes": {"a": "b"}, "group_id": "g", "body": ""},
        {"channel": "queue", "target": QUEUE_URL},
    ]
    assert ", " not in encode([message])
    assert encode([]) == ""
