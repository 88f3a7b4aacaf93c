"""Events of Lambda: says what invoked the function, and reads the records of the function's own queue.

Each kind of event has marks of its own. The marks decide, not the shape: anyone could send a list of records.
An event that has the marks of two kinds is of none.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from tsunagu.runtime.errors import UnroutableEventError

SQS = "aws:sqs"

_SERVICE = re.compile(r"aws:[a-z0-9]{1,32}")
_MESSAGE_ID = re.compile(r"[!-~]{1,100}")  # a UUID, in fact

Event = Mapping[str, Any]
_NOTHING: Event = {}


class EventKind(StrEnum):
    """What invoked the function. The value names it in the sentence of an error."""

    HTTP_API = "an HTTP API"
    REST_API = "a REST API"
    LOAD_BALANCER = "a load balancer"
    FUNCTION_URL = "a function URL"
    WEBSOCKET_API = "a WebSocket API"
    AUTHORIZER = "an API that asks for an authorization"
    SQS = "SQS"
    SNS = "SNS"
    S3 = "S3"
    DYNAMODB_STREAM = "a DynamoDB stream"
    KINESIS = "Kinesis"
    EVENTBRIDGE = "EventBridge"
    SCHEDULER = "EventBridge Scheduler"
    PIPE = "an EventBridge pipe"
    STEP_FUNCTIONS = "Step Functions"
    WARM_UP = "a warm-up ping"
    SEVERAL = "several sources"
    UNKNOWN = "a caller that is not known"


HTTP_KINDS = frozenset({EventKind.HTTP_API, EventKind.REST_API, EventKind.LOAD_BALANCER, EventKind.FUNCTION_URL})

_RECORD_KINDS = {
    SQS: EventKind.SQS,
    "aws:sns": EventKind.SNS,
    "aws:s3": EventKind.S3,
    "aws:dynamodb": EventKind.DYNAMODB_STREAM,
    "aws:kinesis": EventKind.KINESIS,
}


def kind_of(event: object) -> EventKind:
    """Return what an event comes from. Nothing is raised.

    | kind | marks |
    |---|---|
    | HTTP API, payload 2.0 | `version` 2.0, `rawPath`, `requestContext.http.method` |
    | HTTP API, payload 1.0 | `version` 1.0, and the marks of a REST API |
    | function URL | those of payload 2.0, and the domain name of a function URL |
    | REST API | `resource`, `path`, `httpMethod`, `requestContext.apiId` |
    | load balancer | `path`, `httpMethod`, `requestContext.elb.targetGroupArn` |
    | WebSocket API | `requestContext.connectionId` and `eventType` |
    | authorizer | `type`, with `methodArn` or `routeArn` |
    | SQS | in each record: `eventSource` `aws:sqs`, and the ARN of a queue in `eventSourceARN` |
    | SNS, S3, DynamoDB stream, Kinesis | in each record: `eventSource`; SNS writes `EventSource` |
    | EventBridge | `detail-type`, `source`, `detail`, `account` and `region` |
    | EventBridge Scheduler | those of EventBridge, and the source `aws.scheduler` |
    | pipe | a list of records, each with an `eventSource` |
    | Step Functions | the context object: `Execution` and `StateMachine`, with ids of Step Functions |
    | warm-up ping | `source` `serverless-plugin-warmup`; or `warmer` or `warmup` is true |

    A schedule, a rule or a state machine may have an input of its own. That has no marks: it is UNKNOWN, as any direct
    invocation is.
    """
    if isinstance(event, list):
        is_pipe = bool(event) and all(isinstance(_fields(record).get("eventSource"), str) for record in event)
        return EventKind.PIPE if is_pipe else EventKind.UNKNOWN
    if not isinstance(event, dict):
        return EventKind.UNKNOWN
    kinds = {kind for kind, has_marks in _MARKS.items() if has_marks(event)}
    records = event.get("Records")
    if isinstance(records, list) and records:
        # One record that is not known makes the whole event unknown.
        kinds |= {_record_kind(_fields(record)) for record in records}
    if len(kinds) > 1:
        return EventKind.SEVERAL
    return kinds.pop() if kinds else EventKind.UNKNOWN


def sqs_records(event: object, queue_arn: str) -> list[Mapping[str, Any]]:
    """Return the records of an SQS event.

    Args:
        event: What Lambda handed over.
        queue_arn: The queue that the function consumes.

    Raises:
        UnroutableEventError: The event is not an SQS event; or a record comes from another queue; or it has no message
            id, without which SQS cannot be told that it is not done. The text has nothing of the event, because Lambda
            logs it.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(records, list) or not records:
        msg = f"the event must have SQS records of {queue_arn}, got {described(event)}"
        raise UnroutableEventError(msg)
    for record in records:
        fields = _fields(record)
        if (fields.get("eventSource"), fields.get("eventSourceARN")) != (SQS, queue_arn):
            msg = f"every record must come from {queue_arn}, got one from {_origin(fields)}"
            raise UnroutableEventError(msg)
        message_id = fields.get("messageId")
        if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
            msg = f"every record of {queue_arn} must have a messageId, got one without"
            raise UnroutableEventError(msg)
    other = next((kind for kind, has_marks in _MARKS.items() if has_marks(event)), None)
    if other is not None:
        msg = f"an event with records of {queue_arn} must come from SQS alone, got one that also comes from {other}"
        raise UnroutableEventError(msg)
    return records


def described(event: object) -> str:
    """Return what an event is, in at most 100 characters of ours: nothing that it says itself."""
    kind = kind_of(event)
    if kind is not EventKind.UNKNOWN:
        return f"an event from {kind}"
    if not isinstance(event, dict):
        return f"a {type(event).__name__[:64]}"
    return f"an event with {len(event):,} keys"


def _origin(fields: Event) -> str:
    """Return where a record comes from: the name of an AWS service, if it says one; nothing else that it says."""
    source = fields.get("eventSource", fields.get("EventSource"))
    if source == SQS:
        return "another queue"
    return source if isinstance(source, str) and _SERVICE.fullmatch(source) else "elsewhere"


def _record_kind(fields: Event) -> EventKind:
    name = "EventSource" if "EventSource" in fields else "eventSource"
    source, arn = fields.get(name), fields.get("eventSourceARN")
    kind = _RECORD_KINDS.get(source, EventKind.UNKNOWN) if isinstance(source, str) else EventKind.UNKNOWN
    is_spelled_as_sns = kind is EventKind.SNS
    if is_spelled_as_sns is not (name == "EventSource"):  # SNS alone writes it with a capital letter
        return EventKind.UNKNOWN
    if kind is EventKind.SQS and not _is_arn_of("sqs", arn):
        return EventKind.UNKNOWN
    return kind


def _is_payload_2(event: Event) -> bool:
    http = _fields(_context(event).get("http"))
    is_request = _has_texts(event, "rawPath") and _has_texts(http, "method")
    return is_request and event.get("version") == "2.0" and "routeArn" not in event


def _has_url_domain(event: Event) -> bool:
    domain = _context(event).get("domainName")
    return isinstance(domain, str) and ".lambda-url." in domain


def _is_payload_1(event: Event) -> bool:
    context = _context(event)
    is_request = _has_texts(event, "resource", "path", "httpMethod") and _has_texts(context, "apiId")
    return is_request and "methodArn" not in event


def _is_of_load_balancer(event: Event) -> bool:
    balancer = _fields(_context(event).get("elb"))
    return _has_texts(event, "path", "httpMethod") and _has_texts(balancer, "targetGroupArn")


def _asks_for_authorization(event: Event) -> bool:
    names_a_target = _has_texts(event, "methodArn") or _has_texts(event, "routeArn")
    return names_a_target and event.get("type") in ("TOKEN", "REQUEST")


def _is_of_eventbridge(event: Event) -> bool:
    return _has_texts(event, "detail-type", "source", "account", "region") and "detail" in event


def _is_context_object(event: Event) -> bool:
    ids = (_fields(event.get(name)).get("Id") for name in ("Execution", "StateMachine"))
    return all(_is_arn_of("states", value) for value in ids)


def _is_ping(event: Event) -> bool:
    says_so = event.get("warmer") is True or event.get("warmup") is True
    return says_so or event.get("source") == "serverless-plugin-warmup"


_MARKS: dict[EventKind, Callable[[Event], bool]] = {
    EventKind.HTTP_API: lambda event: (
        (_is_payload_2(event) and not _has_url_domain(event))
        or (_is_payload_1(event) and event.get("version") == "1.0")
    ),
    EventKind.FUNCTION_URL: lambda event: _is_payload_2(event) and _has_url_domain(event),
    EventKind.REST_API: lambda event: _is_payload_1(event) and "version" not in event,
    EventKind.LOAD_BALANCER: _is_of_load_balancer,
    EventKind.WEBSOCKET_API: lambda event: _has_texts(_context(event), "connectionId", "eventType"),
    EventKind.AUTHORIZER: _asks_for_authorization,
    EventKind.EVENTBRIDGE: lambda event: _is_of_eventbridge(event) and event["source"] != "aws.scheduler",
    EventKind.SCHEDULER: lambda event: _is_of_eventbridge(event) and event["source"] == "aws.scheduler",
    EventKind.STEP_FUNCTIONS: _is_context_object,
    EventKind.WARM_UP: _is_ping,
}


def _context(event: Event) -> Event:
    return _fields(event.get("requestContext"))


def _fields(value: object) -> Event:
    return value if isinstance(value, dict) else _NOTHING


def _has_texts(fields: Event, *names: str) -> bool:
    return all(isinstance(fields.get(name), str) for name in names)


def _is_arn_of(service: str, value: object) -> bool:
    parts = value.split(":", 3) if isinstance(value, str) else []
    return len(parts) == 4 and parts[0] == "arn" and parts[2] == service  # noqa: PLR2004 - arn:partition:service:rest
