"""A handler of payments by Powertools for AWS Lambda, as its documentation puts batch and idempotency together.

A module of its own, imported only by the process that measures it. It needs no more of this project than the event.
"""

import json
import os
import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import (  # type: ignore[import-not-found]
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.idempotency import (  # type: ignore[import-not-found]
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

PAYMENTS = os.environ["PAYMENTS_TABLE_NAME"]

client = boto3.client("dynamodb")
processor = BatchProcessor(event_type=EventType.SQS)
config = IdempotencyConfig(event_key_jmespath="payment_id", expires_after_seconds=86_400)
store = DynamoDBPersistenceLayer(os.environ["IDEMPOTENCY_TABLE_NAME"])


@idempotent_function(data_keyword_argument="payment", persistence_store=store, config=config)  # type: ignore[untyped-decorator]
def record_once(*, payment: dict[str, Any]) -> None:
    """Record a payment, and add it to the balance of its account, in one transaction."""
    account, amount = {"S": payment["account"]}, {"N": str(payment["amount"])}
    entry = {
        "account": account,
        "entry": {"S": f"PAYMENT#{payment['payment_id']}"},
        "amount": amount,
        "currency": {"S": payment["currency"]},
        "recorded_at": {"N": str(time.time_ns() // 1_000)},
    }
    balance: Any = {
        "TableName": PAYMENTS,
        "Key": {"account": account, "entry": {"S": f"BALANCE#{payment['currency']}"}},
        "UpdateExpression": "ADD balance :amount, payments :one",
        "ExpressionAttributeValues": {":amount": amount, ":one": {"N": "1"}},
    }
    client.transact_write_items(TransactItems=[{"Put": {"TableName": PAYMENTS, "Item": entry}}, {"Update": balance}])


def handler(event: Any, context: Any) -> Any:
    """Record the payments of a batch."""
    config.register_lambda_context(context)
    return process_partial_response(
        event, lambda record: record_once(payment=json.loads(record.body)), processor, context
    )
