"""Events of the other services: EventBridge, pipes, schedules, streams, S3, and destinations of Lambda."""

from collections.abc import Mapping
from typing import Any, Literal

from tsunagu.contracts.requests import EVENT_MARK, EVENT_VERSION
from tsunagu.testing.events.places import ACCOUNT, REGION, SENT_MS, unique_id
from tsunagu.testing.events.sqs import sqs_event

_TIME = "2027-01-15T08:00:00Z"
_FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:handler"
_TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/items"


def eventbridge_event(
    detail: object, *, source: str = "shop", detail_type: str = "order.placed", resources: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return an event of EventBridge; as the body of `sqs_event`, it is what a rule sends to a queue."""
    return {
        "version": "0",
        "id": unique_id(),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": _TIME,
        "region": REGION,
        "resources": [*resources],
        "detail": detail,
    }


def scheduled_event(detail: object = "{}", *, schedule: str = "sync") -> dict[str, Any]:
    """Return the event of a schedule of EventBridge Scheduler without an input of its own."""
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{schedule}"
    return eventbridge_event(detail, source="aws.scheduler", detail_type="Scheduled Event", resources=(arn,))


def pipe_event(*bodies: object, **named: Any) -> list[Any]:
    """Return the records that a pipe hands over from a queue: as `sqs_event`, without the object around them."""
    return [*sqs_event(*bodies, **named)["Records"]]


def s3_event(key: str, *, bucket: str = "uploads", name: str = "ObjectCreated:Put", size: int = 1_024) -> Any:
    """Return the notification of a bucket."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": _TIME,
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": key, "size": size, "eTag": "b21b84d653bb07b05b1e6b33684dc11b"},
                },
            }
        ]
    }


def stream_event(
    *keys: Mapping[str, Any], name: Literal["INSERT", "MODIFY", "REMOVE"] = "INSERT", view: str = "KEYS_ONLY"
) -> Any:
    """Return an event of a DynamoDB stream with a record for each key, in DynamoDB's format: `{"id": {"S": "o-1"}}`."""
    return {
        "Records": [
            {
                "eventID": unique_id(),
                "eventVersion": "1.1",
                "eventName": name,
                "eventSource": "aws:dynamodb",
                "awsRegion": REGION,
                "dynamodb": {
                    "ApproximateCreationDateTime": SENT_MS / 1_000,
                    "Keys": key,
                    "SequenceNumber": f"{111 + number}00000000000000000000",
                    "SizeBytes": 26,
                    "StreamViewType": view,
                },
                "eventSourceARN": f"{_TABLE_ARN}/stream/2027-01-01T00:00:00.000",
            }
            for number, key in enumerate(keys)
        ]
    }


def lambda_destination_event(
    payload: object,
    *,
    condition: Literal["Success", "RetriesExhausted", "EventAgeExceeded"] = "RetriesExhausted",
    response: object = None,
    function_arn: str = _FUNCTION_ARN,
    attempts: int = 3,
) -> dict[str, Any]:
    """Return what Lambda sends to the destination of an asynchronous invocation.

    Args:
        payload: The event that the function was invoked with.
        condition: Why it was sent.
        response: What the function returned, or the error that it raised. Default: a time-out, unless it succeeded.
        function_arn: ARN of the function, with its qualifier.
        attempts: How often the function was invoked.
    """
    has_failed = condition != "Success"
    error = {"errorMessage": f"{_TIME} Task timed out after 30.00 seconds", "errorType": "Sandbox.Timedout"}
    return {
        "version": "1.0",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "requestContext": {
            "requestId": unique_id(),
            "functionArn": function_arn if ":" in function_arn[-8:] else f"{function_arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": attempts if has_failed else 1,
        },
        "requestPayload": payload,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            **({"functionError": "Unhandled"} if has_failed else {}),
        },
        "responsePayload": error if response is None and has_failed else response,
    }


def gateway_request_event(
    body: str = "{}",
    *,
    caller: str = "alice",
    request_id: str | None = None,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what the gateway of `AsyncRequestApi` invokes the worker with, where no queue is between them."""
    return {
        EVENT_MARK: EVENT_VERSION,
        "caller": caller,
        "request_id": unique_id() if request_id is None else request_id,
        "body": body,
        "content_type": content_type,
        "headers": {**(headers or {})},
        "accepted": SENT_MS,
    }
