"""Events of Lambda: says what invoked the function, and reads the records of the function's own queue.

Each kind of event has marks of its own. The marks decide, not the shape: anyone could send a list of records.
An event that has the marks of two kinds is of none.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tsunagu.runtime.errors import UnroutableEventError

SQS = "aws:sqs"

_SERVICE = re.compile(r"aws:[a-z0-9]{1,32}")
_MESSAGE_ID = re.compile(r"[!-~]{1,100}")  # a UUID, in fact

# Each event that is no request and has no records has one of these fields.
_MARKS_OF_OTHERS = frozenset({"type", "detail", "Execution", "source", "warmer", "warmup"})

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
    kinds = _top_kinds(event)
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
    if others := _top_kinds(event):
        got = " and ".join(sorted(others))
        msg = f"an event with records of {queue_arn} must come from SQS alone, got one that also comes from {got}"
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


def _gateway_kinds(event: Event) -> set[EventKind]:
    """Return what an event is by its `requestContext`, which requests and authorizers have."""
    kinds: set[EventKind] = set()
    context = event["requestContext"]
    if not isinstance(context, dict):
        return kinds
    if event.get("version") == "2.0" and _is_payload_2(event, context):
        domain = context.get("domainName")
        is_url = isinstance(domain, str) and ".lambda-url." in domain
        kinds.add(EventKind.FUNCTION_URL if is_url else EventKind.HTTP_API)
    if "httpMethod" in event and _has_texts(event, "httpMethod", "path"):
        if _has_texts(event, "resource") and _has_texts(context, "apiId") and "methodArn" not in event:
            if "version" not in event:
                kinds.add(EventKind.REST_API)
            elif event["version"] == "1.0":
                kinds.add(EventKind.HTTP_API)
        if _has_texts(_fields(context.get("elb")), "targetGroupArn"):
            kinds.add(EventKind.LOAD_BALANCER)
    if "connectionId" in context and _has_texts(context, "connectionId", "eventType"):
        kinds.add(EventKind.WEBSOCKET_API)
    return kinds


def _is_payload_2(event: Event, context: Event) -> bool:
    http = context.get("http")
    if not isinstance(http, dict) or "routeArn" in event:
        return False
    return isinstance(event.get("rawPath"), str) and isinstance(http.get("method"), str)


def _asks_for_authorization(event: Event) -> bool:
    if event.get("type") not in ("TOKEN", "REQUEST"):
        return False
    return _has_texts(event, "methodArn") or _has_texts(event, "routeArn")


def _is_of_eventbridge(event: Event) -> bool:
    return "detail" in event and _has_texts(event, "detail-type", "source", "account", "region")


def _is_context_object(event: Event) -> bool:
    if "Execution" not in event:
        return False
    return all(_is_arn_of("states", _fields(event.get(name)).get("Id")) for name in ("Execution", "StateMachine"))


def _is_ping(event: Event) -> bool:
    says_so = event.get("warmer") is True or event.get("warmup") is True
    return says_so or event.get("source") == "serverless-plugin-warmup"


def _top_kinds(event: Event) -> set[EventKind]:
    """Return what an event is by its own fields, and not by its records."""
    kinds = _gateway_kinds(event) if "requestContext" in event else set()
    if _MARKS_OF_OTHERS.isdisjoint(event):  # one call for the common case: each request comes here
        return kinds
    if _asks_for_authorization(event):
        kinds.add(EventKind.AUTHORIZER)
    if _is_of_eventbridge(event):
        kinds.add(EventKind.SCHEDULER if event["source"] == "aws.scheduler" else EventKind.EVENTBRIDGE)
    if _is_context_object(event):
        kinds.add(EventKind.STEP_FUNCTIONS)
    if _is_ping(event):
        kinds.add(EventKind.WARM_UP)
    return kinds


def _fields(value: object) -> Event:
    return value if isinstance(value, dict) else _NOTHING


def _has_texts(fields: Event, *names: str) -> bool:
    for name in names:  # noqa: SIM110 - `all` takes twice as long, and each event comes here
        if not isinstance(fields.get(name), str):
            return False
    return True


def _is_arn_of(service: str, value: object) -> bool:
    parts = value.split(":", 3) if isinstance(value, str) else []
    return len(parts) == 4 and parts[0] == "arn" and parts[2] == service  # noqa: PLR2004 - arn:partition:service:rest
