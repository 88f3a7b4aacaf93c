"""Dead letters as AWS's services write them."""

import json
from typing import Any

from tests.tsunagu.runtime.world import record
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import LetterQueue, SourceQueue, Subscription
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.testing.fakes import START_MS

ACCOUNT = "eu-central-1:111122223333"
URL = "https://sqs.eu-central-1.amazonaws.com/111122223333"
ORDERS = SourceQueue(arn=f"arn:aws:sqs:{ACCOUNT}:orders", url=f"{URL}/orders", max_receive_count=3)
REFUNDS = SourceQueue(arn=f"arn:aws:sqs:{ACCOUNT}:refunds", url=f"{URL}/refunds")
FUNCTION = f"arn:aws:lambda:{ACCOUNT}:function:bill"
TO_QUEUE = Subscription(
    arn=f"arn:aws:sns:{ACCOUNT}:sales:1",
    topic_arn=f"arn:aws:sns:{ACCOUNT}:sales",
    protocol="sqs",
    endpoint=f"arn:aws:sqs:{ACCOUNT}:stock",
)
TO_FUNCTION = Subscription(
    arn=f"arn:aws:sns:{ACCOUNT}:sales:2",
    topic_arn=f"arn:aws:sns:{ACCOUNT}:sales",
    protocol="lambda",
    endpoint=FUNCTION,
)


def queue(**sources: Any) -> LetterQueue:
    return LetterQueue(name="dead", url=f"{URL}/dead", arn=f"arn:aws:sqs:{ACCOUNT}:dead", **sources)


def letter(
    body: object = "{}",
    message_id: str = "letter-1",
    *,
    attributes: dict[str, str] | None = None,
    moved_from: str = "",
    group: str | None = None,
    sent_ms: int = START_MS - 1,
) -> DeadLetter:
    text = body if isinstance(body, str) else json.dumps(body)
    delivery = Delivery.from_record(record(text, message_id, attributes=attributes or {}, group=group))
    return DeadLetter(delivery, sent_ms, moved_from)


def ours(reason: str = "it is broken", item_id: str = "orders@orders#1") -> dict[str, str]:
    return {
        "tsunagu_request_id": "request-1",
        "tsunagu_dead_letter_reason": reason,
        "tsunagu_dead_letter_source": f"{ORDERS.arn}/before-1",
        "tsunagu_dead_letter_item": item_id,
    }


def envelope(message: str = '{"sale": 1}', topic_arn: str = TO_QUEUE.topic_arn) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "sns-1",
        "TopicArn": topic_arn,
        "Message": message,
        "Timestamp": "2026-03-01T04:00:00.000Z",
        "SigningCertURL": "https://sns.example/cert.pem",
    }


def failed_invocation(payload: object = None) -> dict[str, Any]:
    return {
        "version": "1.0",
        "requestContext": {
            "requestId": "invocation-1",
            "functionArn": f"{FUNCTION}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload if payload is not None else {"bill": 7},
        "responsePayload": {"errorType": "ValueError", "errorMessage": "no such bill"},
    }


BATCH_OF_A_STREAM = {
    "requestContext": {"requestId": "i", "functionArn": FUNCTION, "condition": "RetryAttemptsExhausted"},
    "DDBStreamBatchInfo": {"shardId": "s"},
}
GIVEN_UP = {"RequestID": "invocation-2", "ErrorCode": "200", "ErrorMessage": "no such bill"}


def opened(letter: DeadLetter, **sources: Any) -> OpenedLetter:
    return OpenedLetter(letter, queue(**sources))
