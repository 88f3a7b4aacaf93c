"""One conditional put a record, in sequence: no lease, no completion; a handler that dies loses its message."""

import json
import time
from typing import Any

import boto3

from benchmarks.idempotency.contenders.handler import Handler, InvocationContext
from benchmarks.idempotency.contenders.tables import items_table
from lambdas.payments.service import Payment

WINDOW_SECONDS = 86_400


def without_transaction() -> Handler:
    """Return a handler whose business function does nothing."""
    client = boto3.client("dynamodb")
    table_name = items_table()

    def record(body: str) -> None:
        payment = Payment.from_json(json.loads(body))
        item = {"id": {"S": payment.payment_id}, "expiration": {"N": str(int(time.time()) + WINDOW_SECONDS)}}
        client.put_item(TableName=table_name, Item=item, ConditionExpression="attribute_not_exists(id)")

    def handler(event: Any, _context: InvocationContext) -> dict[str, list[str]]:
        for each in event["Records"]:
            record(each["body"])
        return {"batchItemFailures": []}

    return handler
