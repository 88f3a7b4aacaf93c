"""A consumer with a plain lock: a conditional put, then the business's write; deployed as it is, inline.

What dies between the two is lost: that is the price of the plain lock, and not measured here.
"""

import json
import os
import time
from typing import Any

import boto3

CLIENT = boto3.client("dynamodb")
LOCKS_TABLE = os.environ["LOCKS_TABLE"]
PAYMENTS_TABLE = os.environ["PAYMENTS_TABLE"]
WINDOW_SECONDS = 86_400


def handler(event: Any, _context: object) -> dict[str, list[dict[str, str]]]:
    """Process a batch; return those that SQS must deliver again."""
    failures = []
    for record in event["Records"]:
        try:
            process(record)
        except Exception:  # noqa: BLE001 - one message's error is no other's
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def process(record: Any) -> None:
    """Record a payment unless its lock is taken."""
    payment = json.loads(record["body"])
    lock = {"id": {"S": payment["payment_id"]}, "expiration": {"N": str(int(time.time()) + WINDOW_SECONDS)}}
    try:
        CLIENT.put_item(TableName=LOCKS_TABLE, Item=lock, ConditionExpression="attribute_not_exists(id)")
    except CLIENT.exceptions.ConditionalCheckFailedException:
        return
    request_id = record["messageAttributes"]["tsunagu_request_id"]["stringValue"]
    CLIENT.transact_write_items(TransactItems=writes(payment, request_id))


def writes(payment: Any, request_id: str) -> list[Any]:
    """Return the payment and the change of its balance, as the payments function of the stack writes them."""
    entry = {
        "account": {"S": payment["account"]},
        "entry": {"S": f"PAYMENT#{payment['payment_id']}"},
        "amount": {"N": str(payment["amount"])},
        "currency": {"S": payment["currency"]},
        "request_id": {"S": request_id},
        "recorded_at": {"N": str(time.time_ns() // 1_000)},
    }
    balance = {
        "TableName": PAYMENTS_TABLE,
        "Key": {"account": {"S": payment["account"]}, "entry": {"S": f"BALANCE#{payment['currency']}"}},
        "UpdateExpression": "ADD balance :amount, payments :one",
        "ExpressionAttributeValues": {":amount": {"N": str(payment["amount"])}, ":one": {"N": "1"}},
    }
    return [{"Put": {"TableName": PAYMENTS_TABLE, "Item": entry}}, {"Update": balance}]
