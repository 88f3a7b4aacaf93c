"""Events: their source decides, not their shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import QUEUE_ARN, World, order, record
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE, SQS_MESSAGE_BYTES
from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.events import sqs_records
from tsunagu.runtime.receiving.message import Message

ABSENT = object()


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
        {"Records": [{**record("{}"), "messageId": None}]},
        {"Records": [{**record("{}"), "messageId": ""}]},
        {"Records": [{**record("{}"), "messageId": "half a pair \ud800"}]},
        {"Records": [{name: value for name, value in record("{}").items() if name != "messageId"}]},
    ],
)
def test_event_from_elsewhere_is_refused(event: object) -> None:
    with pytest.raises(UnroutableEventError, match=QUEUE_ARN):
        sqs_records(event, QUEUE_ARN)


def test_nothing_of_a_mixed_event_is_processed() -> None:
    world = World()
    stranger = {**record(order("o-2"), "m-2"), "eventSourceARN": "arn:aws:sqs:eu-central-1:1:other"}

    with pytest.raises(UnroutableEventError):
        world.receive(record(order("o-1")), stranger)
    assert world.store.items == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
    max_leaves=8,
)
SECRET = "customer-4711"


@pytest.mark.parametrize(
    "event",
    [
        {f"{SECRET}-{number}": number for number in range(50_000)},
        {SECRET: SECRET},
        {"Records": [{"eventSource": SECRET, "eventSourceARN": SECRET}]},
        {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": SECRET}]},
        {"Records": [{**record("{}"), "messageId": f"{SECRET} {SECRET}"}]},
        {"Records": [{**record("{}"), "eventSource": ["aws:sqs", SECRET * 10_000]}]},
    ],
)
def test_sentence_about_an_unknown_event_is_short_and_has_nothing_of_it(event: object) -> None:
    with pytest.raises(UnroutableEventError) as caught:
        sqs_records(event, QUEUE_ARN)

    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) <= 200


def test_number_of_keys_of_an_unknown_event_is_told() -> None:
    with pytest.raises(UnroutableEventError) as caught:
        sqs_records(dict.fromkeys(range(1_234)), QUEUE_ARN)

    assert str(caught.value) == f"the event must have SQS records of {QUEUE_ARN}, got an event with 1,234 keys"


@pytest.mark.parametrize("records", ["x", 7, {"a": 1}, [], None])
def test_records_that_are_no_list_are_not_looked_at(records: object) -> None:
    with pytest.raises(
        UnroutableEventError, match=r"^the event must have SQS records of .*, got an event with 1 keys$"
    ):
        sqs_records({"Records": records}, QUEUE_ARN)


def test_sentences_about_a_record_name_the_queue() -> None:
    sentences = []
    for change in ({"eventSource": "aws:kinesis"}, {"messageId": 7}):
        with pytest.raises(UnroutableEventError) as caught:
            sqs_records({"Records": [record("{}"), {**record("{}"), **change}]}, QUEUE_ARN)
        sentences.append(str(caught.value))

    assert sentences == [
        f"every record must come from {QUEUE_ARN}, got one from aws:kinesis",
        f"every record of {QUEUE_ARN} must have a messageId, got one without",
    ]


EVENTBRIDGE = {"detail-type": "placed", "source": "shop", "detail": {}, "account": "1", "region": "eu-central-1"}
WARM_UP = {"warmer": True}


@pytest.mark.parametrize(
    ("event", "got"),
    [
        ({"Records": [{"eventSource": "aws:s3"}]}, "one from aws:s3"),
        (
            {"Records": [{**record("{}"), "eventSourceARN": "arn:aws:sqs:eu-central-1:1:other"}]},
            "one from another queue",
        ),
        ({"Records": [{"eventSource": "acme:things"}]}, "one from elsewhere"),
        ({"Records": [{}]}, "one from elsewhere"),
        ({"detail": 1, "source": 2}, "an event with 2 keys"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "one from aws:sns"),
        ([], "a list"),
        (
            {"Records": [record("{}")], **EVENTBRIDGE, **WARM_UP},
            "one that also comes from EventBridge and a warm-up ping",
        ),
    ],
)
def test_event_from_elsewhere_is_named_in_words_of_ours(event: object, got: str) -> None:
    with pytest.raises(UnroutableEventError, match=f"got {got}$"):
        sqs_records(event, QUEUE_ARN)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"body": None}, "the body must be text, got NoneType"),
        ({"body": {"order_id": "o-1"}}, "the body must be text, got dict"),
        ({"body": ABSENT}, "the body must be text, got NoneType"),
        ({"attributes": ABSENT}, "attributes of the record must be an object, got NoneType"),
        ({"attributes": ["x"]}, "attributes of the record must be an object, got list"),
        ({"messageAttributes": ["x"]}, "messageAttributes of the record must be an object, got list"),
        ({"messageAttributes": {"a": {"stringValue": "x"}}}, "message attribute 'a' must have a dataType and a value"),
        ({"messageAttributes": {"a": None}}, "message attribute 'a' must have a dataType and a value"),
        (
            {"messageAttributes": {"a": {"dataType": "Binary", "binaryValue": "YQ"}}},
            "the binary value of message attribute 'a' must be Base64",
        ),
        (
            {"messageAttributes": {"a": {"dataType": "Binary", "binaryValue": "Y!Q=="}}},
            "the binary value of message attribute 'a' must be Base64",
        ),
        (
            {"messageAttributes": {"a": {"dataType": "Binary", "binaryValue": 7}}},
            "the binary value of message attribute 'a' must be Base64",
        ),
    ],
)
def test_malformed_record_is_dead_lettered_alone(change: dict[str, object], reason: str) -> None:
    world = World()
    changed = {
        name: value for name, value in {**record(order("o-1"), "m-bad"), **change}.items() if value is not ABSENT
    }

    returned = world.receive(record(order("o-2"), "m-2"), changed, record(order("o-3"), "m-3"))

    assert (returned, world.effects()) == ([], ["o-2", "o-3"])
    (letter,) = world.dead_letter_queue.sent
    assert letter.attributes[DEAD_LETTER_REASON_ATTRIBUTE] == reason
    assert letter.body


def test_half_a_surrogate_pair_in_a_record_is_replaced_as_sqs_does() -> None:
    world = World()
    half = record("no json: \ud800!", "m-bad", attributes={"note \ud800": "half \udc00", "empty": ""})

    assert world.receive(record(order("o-1")), half) == []
    (letter,) = world.dead_letter_queue.sent
    assert letter.body == "no json: \ufffd!"
    assert getattr(letter.attributes["note \ufffd"], "value", "") == "half \ufffd"


def test_empty_attribute_is_not_in_the_dead_letter_because_sqs_refuses_it() -> None:
    world = World()

    assert world.receive(record("no json", attributes={"empty": "", "full": "x"})) == []
    assert "empty" not in world.dead_letter_queue.sent[0].attributes
    assert "full" in world.dead_letter_queue.sent[0].attributes


@pytest.mark.parametrize("handle", [None, "", 7, ABSENT])
def test_record_without_a_receipt_handle_is_processed_and_not_hidden(handle: object) -> None:
    world = World()
    changed = {**record(order("o-1")), "receiptHandle": handle}
    if handle is ABSENT:
        del changed["receiptHandle"]

    def fail(_body: JsonObject, _message: Message) -> None:
        raise ValueError

    assert world.receive(changed, process=fail) == ["m-1"]
    assert world.visibility.changed == {}


FIELDS = ("receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "awsRegion")
MESSAGE_ATTRIBUTES = st.dictionaries(
    st.text(st.characters(exclude_categories=())) | st.sampled_from(["request_id", "schema_version", "hop_count"]),
    VALUES | st.fixed_dictionaries({}, optional=dict.fromkeys(("dataType", "stringValue", "binaryValue"), VALUES)),
)
SYSTEM_ATTRIBUTES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("MessageGroupId", "SequenceNumber", "AWSTraceHeader"), VALUES)
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(FIELDS, VALUES),
            "attributes": VALUES | SYSTEM_ATTRIBUTES,
            "messageAttributes": VALUES | MESSAGE_ATTRIBUTES,
            "body": VALUES | st.text(st.characters(exclude_categories=())),
        },
    ),
    st.sampled_from([None, "raise"]),
)
def test_no_record_harms_its_neighbours(fields: dict[str, object], failure: str | None) -> None:
    world = World()
    hostile = {**record(order("hostile"), "m-hostile"), **fields}

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] not in {"o-1", "o-2"} and failure:
            raise ValueError(repr(body))
        world.work(body, message)

    returned = world.receive(record(order("o-1"), "m-1"), hostile, record(order("o-2"), "m-2"), process=process)

    assert {"m-1", "m-2"}.isdisjoint(returned)
    assert [effect for effect in world.effects() if effect in ("o-1", "o-2")] == ["o-1", "o-2"]
    for letter in world.dead_letter_queue.sent:  # what SQS would not take
        letter.body.encode()
        assert letter.body
        assert letter.size_bytes <= SQS_MESSAGE_BYTES
        assert all(letter.attributes.values())
