"""What invoked a function: the marks of an event say it, and no event is taken for another."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.aws_events import EVENTS, Event
from tests.tsunagu.runtime.world import QUEUE_ARN, record
from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.runtime.receiving.events import HTTP_KINDS, EventKind, described, kind_of, sqs_records

TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)
MARKS = st.sampled_from(
    [
        *(
            "version",
            "requestContext",
            "rawPath",
            "routeKey",
            "resource",
            "path",
            "httpMethod",
            "http",
            "method",
            "apiId",
        ),
        *("elb", "targetGroupArn", "domainName", "connectionId", "eventType", "type", "methodArn", "routeArn"),
        *("Records", "eventSource", "EventSource", "eventSourceARN", "messageId", "body", "Sns", "s3", "dynamodb"),
        *(
            "detail-type",
            "source",
            "detail",
            "account",
            "region",
            "Execution",
            "StateMachine",
            "Id",
            "warmer",
            "warmup",
        ),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(
        ["2.0", "1.0", "GET", "/", "REQUEST", "aws:sqs", "aws:sns", "aws:s3", QUEUE_ARN, "aws.scheduler"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MARKS | TEXTS, inner, max_size=8),
    max_leaves=24,
)


@pytest.mark.parametrize(("kind", "event"), EVENTS.values(), ids=EVENTS)
def test_marks_of_an_event_say_what_it_comes_from(kind: EventKind, event: Event) -> None:
    assert kind_of(event) is kind


def test_every_kind_is_in_the_table() -> None:
    assert {kind for kind, _ in EVENTS.values()} == set(EventKind)


@pytest.mark.parametrize(("kind", "event"), EVENTS.values(), ids=EVENTS)
def test_only_an_event_of_the_own_queue_has_messages(kind: EventKind, event: Event) -> None:
    if kind is EventKind.SQS:
        assert sqs_records(event, QUEUE_ARN) == event["Records"]
    else:
        with pytest.raises(UnroutableEventError):
            sqs_records(event, QUEUE_ARN)


@pytest.mark.parametrize(("kind", "event"), EVENTS.values(), ids=EVENTS)
def test_refusal_names_what_came_and_no_value_of_it(kind: EventKind, event: Event) -> None:
    text = described(event)

    assert len(text) <= 100
    assert kind is EventKind.UNKNOWN or kind.value in text
    assert "o-1" not in text


REMOVED = [
    *(("HTTP API", place) for place in ("version", "rawPath", "requestContext.http.method", "requestContext")),
    *(("function URL", place) for place in ("version", "rawPath", "requestContext.http.method")),
    *(("HTTP API, payload 1.0", place) for place in ("resource", "path", "httpMethod", "requestContext.apiId")),
    *(("REST API", place) for place in ("resource", "path", "httpMethod", "requestContext.apiId")),
    *(("load balancer", place) for place in ("path", "httpMethod", "requestContext.elb.targetGroupArn")),
    *(("WebSocket API", place) for place in ("requestContext.connectionId", "requestContext.eventType")),
    *(("authorizer of a token", place) for place in ("type", "methodArn")),
    ("authorizer of an HTTP API", "type"),
    *(("EventBridge", place) for place in ("detail-type", "source", "detail", "account", "region")),
    *(("EventBridge Scheduler", place) for place in ("detail-type", "source", "detail", "account", "region")),
    *(("Step Functions, context object", place) for place in ("Execution.Id", "StateMachine.Id")),
]


@pytest.mark.parametrize(("name", "place"), REMOVED)
def test_event_without_one_of_its_marks_is_of_none(name: str, place: str) -> None:
    event = copy.deepcopy(EVENTS[name][1])
    *path, last = place.split(".")
    parent = event
    for step in path:
        parent = parent[step]
    del parent[last]

    assert kind_of(event) is EventKind.UNKNOWN


@pytest.mark.parametrize(
    ("name", "added", "kind"),
    [
        ("HTTP API", {"version": "1.0"}, EventKind.UNKNOWN),
        ("HTTP API", {"version": 2.0}, EventKind.UNKNOWN),
        ("HTTP API", {"routeArn": None}, EventKind.UNKNOWN),
        ("REST API", {"version": "1.0"}, EventKind.HTTP_API),
        ("REST API", {"version": "2.0"}, EventKind.UNKNOWN),
        ("REST API", {"version": None}, EventKind.UNKNOWN),
        ("REST API", {"methodArn": None}, EventKind.UNKNOWN),
        ("authorizer of a token", {"type": "REQUEST"}, EventKind.AUTHORIZER),
        ("WebSocket API", {"requestContext": {"connectionId": 7, "eventType": "CONNECT"}}, EventKind.UNKNOWN),
        ("authorizer of a token", {"type": "OTHER"}, EventKind.UNKNOWN),
        ("authorizer of a token", {"methodArn": 7}, EventKind.UNKNOWN),
        ("EventBridge", {"source": "aws.scheduler"}, EventKind.SCHEDULER),
        ("EventBridge", {"detail": None}, EventKind.EVENTBRIDGE),
        ("EventBridge", {"account": 111122223333}, EventKind.UNKNOWN),
        ("Step Functions, context object", {"Execution": {"Id": "arn:aws:sqs:r:1:x"}}, EventKind.UNKNOWN),
        ("Step Functions, context object", {"StateMachine": {"Id": "ARN:aws:states:r:1:x"}}, EventKind.UNKNOWN),
        ("Step Functions, context object", {"StateMachine": {"Id": "arn:aws:states"}}, EventKind.UNKNOWN),
        ("Step Functions, context object", {"StateMachine": ["Id"]}, EventKind.UNKNOWN),
        ("direct", {"warmer": True}, EventKind.WARM_UP),
        ("direct", {"warmup": True}, EventKind.WARM_UP),
        ("direct", {"warmer": "true"}, EventKind.UNKNOWN),
        ("direct", {"source": "serverless-plugin-warmup"}, EventKind.WARM_UP),
        ("direct", {"source": "other"}, EventKind.UNKNOWN),
        ("SNS", {"warmup": True}, EventKind.SEVERAL),
        ("direct", {"Records": 7}, EventKind.UNKNOWN),
        ("HTTP API", {"Records": "aws:sqs"}, EventKind.HTTP_API),
        ("HTTP API", {"Records": {"a": 1}}, EventKind.HTTP_API),
        ("HTTP API", {"Records": []}, EventKind.HTTP_API),
        ("HTTP API", {"Records": [1]}, EventKind.SEVERAL),
    ],
)
def test_event_with_another_mark_is_of_another_kind_or_none(
    name: str, added: dict[str, object], kind: EventKind
) -> None:
    assert kind_of({**EVENTS[name][1], **added}) is kind


@pytest.mark.parametrize(
    ("record_fields", "kind"),
    [
        ({"eventSource": "aws:sqs", "eventSourceARN": "arn:aws-cn:sqs:r:1:x"}, EventKind.SQS),
        ({"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sns:r:1:x"}, EventKind.UNKNOWN),
        ({"eventSource": "aws:sqs"}, EventKind.UNKNOWN),
        ({"eventSource": "aws:sqs", "EventSource": "aws:sns", "eventSourceARN": QUEUE_ARN}, EventKind.SNS),
        ({"EventSource": "aws:sqs", "eventSourceARN": QUEUE_ARN}, EventKind.UNKNOWN),
        ({"EventSource": "aws:s3"}, EventKind.UNKNOWN),
        ({"eventSource": "aws:s3"}, EventKind.S3),
        ({"eventSource": "aws:dynamodb"}, EventKind.DYNAMODB_STREAM),
        ({"eventSource": "aws:kinesis"}, EventKind.KINESIS),
        ({"eventSource": ["aws:s3"]}, EventKind.UNKNOWN),
        ({"eventSource": "aws:other"}, EventKind.UNKNOWN),
    ],
)
def test_source_of_a_record_says_what_it_comes_from(record_fields: dict[str, object], kind: EventKind) -> None:
    assert kind_of({"Records": [record_fields]}) is kind


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"Records": [record("{}")]}, "an event from SQS"),
        ({"a": 1, "b": 2}, "an event with 2 keys"),
        (dict.fromkeys(range(1_234)), "an event with 1,234 keys"),
        ("text", "a str"),
        (type("T" * 100, (), {})(), "a " + "T" * 64),
        ([record("{}")], "an event from an EventBridge pipe"),
        ([{"eventSource": 1}], "a list"),
        ([record("{}"), {}], "a list"),
    ],
)
def test_event_is_described_in_words_of_ours(event: object, text: str) -> None:
    assert described(event) == text


def test_records_beside_marks_of_another_source_are_refused_with_its_name() -> None:
    with pytest.raises(UnroutableEventError) as caught:
        sqs_records({"Records": [record("{}")], "warmer": True}, QUEUE_ARN)

    assert str(caught.value) == (
        f"an event with records of {QUEUE_ARN} must come from SQS alone, got one that also comes from a warm-up ping"
    )


def test_records_beside_a_request_are_refused_by_the_receiver_too() -> None:
    _, event = EVENTS["SQS and HTTP API"]

    with pytest.raises(UnroutableEventError, match=r"alone, got one that also comes from an HTTP API$"):
        sqs_records(event, QUEUE_ARN)


@given(VALUES)
def test_any_json_value_has_a_kind_and_a_short_description(event: object) -> None:
    assert isinstance(kind_of(event), EventKind)
    assert len(described(event)) <= 100


@given(VALUES)
def test_no_made_up_event_is_taken_for_messages_without_their_marks(event: object) -> None:
    records = event.get("Records") if isinstance(event, dict) else None
    if kind_of(event) is EventKind.SQS:
        assert isinstance(records, list)
        assert all(each["eventSource"] == "aws:sqs" and ":sqs:" in each["eventSourceARN"] for each in records)
    elif kind_of(event) in HTTP_KINDS:
        assert isinstance(event, dict)
        assert isinstance(event["requestContext"], dict)
        assert not records or not isinstance(records, list)


ROUTED = sorted(name for name, (kind, _) in EVENTS.items() if kind in {*HTTP_KINDS, EventKind.SQS})


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in an event."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inner for place in _places(each, (*path, name)))]


@given(st.sampled_from(ROUTED), VALUES, st.data())
def test_damaged_event_goes_its_own_way_or_none(name: str, value: object, data: st.DataObject) -> None:
    kind, event = EVENTS[name]
    place = data.draw(st.sampled_from(_places(event)[1:]))
    damaged = copy.deepcopy(event)
    parent = damaged
    for step in place[:-1]:
        parent = parent[step]
    if data.draw(st.booleans()) and isinstance(parent, dict):
        del parent[place[-1]]
    else:
        parent[place[-1]] = value

    ways = {kind, EventKind.FUNCTION_URL, *HTTP_KINDS} if kind in HTTP_KINDS else {kind}
    assert kind_of(damaged) in {*ways, EventKind.UNKNOWN, EventKind.SEVERAL, EventKind.WARM_UP}


@given(st.lists(st.sampled_from(sorted(EVENTS)), min_size=2, max_size=3))
def test_records_of_several_sources_are_of_none(names: list[str]) -> None:
    parts = [(kind, event["Records"]) for kind, event in map(EVENTS.__getitem__, names) if _has_records(kind)]
    kinds = {kind for kind, _ in parts}

    mixed = {"Records": [each for _, records in parts for each in records]}
    expected = EventKind.SEVERAL if len(kinds) > 1 else kinds.pop() if kinds else EventKind.UNKNOWN
    assert kind_of(mixed) is expected


def _has_records(kind: EventKind) -> bool:
    return kind in {EventKind.SQS, EventKind.SNS, EventKind.S3, EventKind.DYNAMODB_STREAM, EventKind.KINESIS}


def test_kind_of_a_large_batch_is_found_in_one_pass() -> None:
    assert kind_of({"Records": [record("{}", f"m-{number}") for number in range(10_000)]}) is EventKind.SQS
