"""Events of SQS: standard and FIFO queues, and queues that are subscribed to a topic or fed by a rule or a pipe."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from tsunagu.testing.events.places import QUEUE_ARN, REGION, SENT_MS, TOPIC_ARN, md5, text_of, unique_id

_SENDER = "AIDAIENQZJOLO23YVJ4VO"  # as in AWS's documentation


class MessageAttribute(TypedDict):
    """A message attribute, as Lambda hands it over."""

    dataType: str
    stringValue: NotRequired[str]
    binaryValue: NotRequired[str]
    stringListValues: NotRequired[list[str]]
    binaryListValues: NotRequired[list[str]]


class SqsRecord(TypedDict):
    """One message of an SQS event."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: dict[str, str]
    messageAttributes: dict[str, MessageAttribute]
    md5OfBody: str
    eventSource: str
    eventSourceARN: str
    awsRegion: str


class SqsEvent(TypedDict):
    """A batch of messages of one queue."""

    Records: list[SqsRecord]


class PartialBatchResponse(TypedDict):
    """What a function answers an SQS event with."""

    batchItemFailures: list[dict[str, str]]


def sqs_record(
    body: object,
    *,
    message_id: str | None = None,
    queue_arn: str = QUEUE_ARN,
    attributes: Mapping[str, str | int | bytes] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    receive_count: int = 1,
    sent_ms: int = SENT_MS,
    trace_header: str | None = None,
) -> SqsRecord:
    """Return one record of an SQS event.

    The queue is a FIFO one if the name in `queue_arn` ends with `.fifo`.

    Args:
        body: Text; anything else is written as JSON.
        message_id: Default: a new UUID.
        queue_arn: ARN of the queue.
        attributes: Message attributes: text, numbers or bytes.
        group_id: Message group. Default: `group` on a FIFO queue, none on a standard one.
        deduplication_id: Of a FIFO queue. Default: the digest of the body, as content-based deduplication has it.
        receive_count: Deliveries of the message so far, with this one.
        sent_ms: When it was sent, in milliseconds since the epoch.
        trace_header: X-Ray header (`AWSTraceHeader`). Default: none.
    """
    text, own_id = text_of(body), unique_id() if message_id is None else message_id
    system = {
        "ApproximateReceiveCount": str(receive_count),
        "SentTimestamp": str(sent_ms),
        "SenderId": _SENDER,
        "ApproximateFirstReceiveTimestamp": str(sent_ms + 1),
    }
    if queue_arn.endswith(".fifo"):
        system |= {
            "SequenceNumber": str(18_850_000_000_000_000_000 + sent_ms % 10**9),
            "MessageGroupId": "group" if group_id is None else group_id,
            "MessageDeduplicationId": md5(text) * 2 if deduplication_id is None else deduplication_id,
        }
    elif group_id is not None:
        system["MessageGroupId"] = group_id
    if trace_header is not None:
        system["AWSTraceHeader"] = trace_header
    return {
        "messageId": own_id,
        "receiptHandle": f"handle-{own_id}-{receive_count}",
        "body": text,
        "attributes": system,
        "messageAttributes": {name: message_attribute(value) for name, value in (attributes or {}).items()},
        "md5OfBody": md5(text),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def sqs_event(*bodies: object, **named: Any) -> SqsEvent:
    """Return an SQS event with a record for each body.

    Args:
        bodies: Bodies; or records that `sqs_record` made, which stay as they are.
        named: What `sqs_record` takes, for each of the bodies.
    """
    return {"Records": [body if _is_record(body) else sqs_record(body, **named) for body in bodies]}  # type: ignore[misc]


def fifo_event(*bodies: object, group_id: str = "group", **named: Any) -> SqsEvent:
    """Return an event of a FIFO queue: as `sqs_event`, with messages of one group, in order."""
    return sqs_event(*bodies, **{"queue_arn": f"{QUEUE_ARN}.fifo", **named}, group_id=group_id)


def sns_message(
    message: object,
    *,
    topic_arn: str = TOPIC_ARN,
    subject: str | None = None,
    attributes: Mapping[str, str] | None = None,
    message_id: str | None = None,
) -> dict[str, Any]:
    """Return the body of a message that SNS sends to a queue without raw delivery: hand it to `sqs_event`.

    With raw message delivery, the body is the message itself, and the attributes are those of the SQS message.
    """
    own_id = unique_id() if message_id is None else message_id
    return {
        "Type": "Notification",
        "MessageId": own_id,
        "TopicArn": topic_arn,
        **({} if subject is None else {"Subject": subject}),
        "Message": text_of(message),
        "Timestamp": "2027-01-15T08:00:00.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEpH+DcEwjAPg8O9mY8dReBSwksfg2S7WKQcikcNKWLQjwu6A4VbeS0QHVCkhRS7fUQvi2egU3N858fiTDN6bkkOxYD",
        "SigningCertURL": f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "UnsubscribeURL": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic_arn}:{own_id}",
        **({} if attributes is None else {"MessageAttributes": _sns_attributes(attributes)}),
    }


def sns_event(*messages: object, topic_arn: str = TOPIC_ARN, attributes: Mapping[str, str] | None = None) -> Any:
    """Return the event of a topic that invokes a function directly."""
    return {"Records": [_sns_record(message, topic_arn, attributes or {}) for message in messages]}


def message_attribute(value: str | float | bytes) -> MessageAttribute:
    """Return a message attribute as Lambda hands it over."""
    if isinstance(value, bytes):
        import base64  # noqa: PLC0415 - seldom

        return {"dataType": "Binary", "binaryValue": base64.b64encode(value).decode()}
    kind = "String" if isinstance(value, str) else "Number"
    return {"dataType": kind, "stringValue": str(value), "stringListValues": [], "binaryListValues": []}


def _sns_record(message: object, topic_arn: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    fields = sns_message(message, topic_arn=topic_arn)
    renamed = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    return {
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{topic_arn}:{unique_id(topic_arn)}",
        "EventSource": "aws:sns",
        "Sns": {
            **{renamed.get(name, name): value for name, value in fields.items()},
            "Subject": None,
            "MessageAttributes": _sns_attributes(attributes),
        },
    }


def _sns_attributes(attributes: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"Type": "String", "Value": value} for name, value in attributes.items()}


def _is_record(body: object) -> bool:
    return isinstance(body, dict) and body.get("eventSource") == "aws:sqs"
