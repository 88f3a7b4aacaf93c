"""SQS events of payments, as Lambda hands them to a function that consumes a standard queue."""

import json
from typing import Any

from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE, SCHEMA_VERSION, SCHEMA_VERSION_ATTRIBUTE

Event = dict[str, Any]

QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:payments"
WARM_UP_MESSAGES = 10  # the first ones, settled before anything is measured
ACCOUNTS = 1_000  # so many that payments of one batch do not meet in one balance


def payment_event(first: int, count: int) -> Event:
    """Return an event of the payments `first` to `first + count - 1`; the same numbers give the same messages."""
    return {"Records": [_record(number) for number in range(first, first + count)]}


def payment_body(number: int) -> str:
    """Return the body of a payment's message."""
    payment = {
        "payment_id": f"payment-{number:06}",
        "account": f"account-{number % ACCOUNTS:03}",
        "amount": number + 1,
        "currency": "EUR",
    }
    return json.dumps(payment)


def _record(number: int) -> dict[str, Any]:
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012}",
        "receiptHandle": f"handle-{number:06}" * 8,
        "body": payment_body(number),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1790000000000",
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1790000000001",
        },
        "messageAttributes": {
            REQUEST_ID_ATTRIBUTE: _attribute(f"request-{number:06}"),
            SCHEMA_VERSION_ATTRIBUTE: _attribute(str(SCHEMA_VERSION)),
        },
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "us-east-1",
    }


def _attribute(text: str) -> dict[str, Any]:
    return {"stringValue": text, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
