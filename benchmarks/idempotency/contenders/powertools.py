"""Powertools for AWS Lambda: its batch processor around an idempotent function, as its documentation puts them."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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

from benchmarks.idempotency.contenders.handler import Handler, InvocationContext
from benchmarks.idempotency.contenders.tables import items_table, payments_table
from lambdas.payments.service import Payment
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord  # type: ignore[import-not-found]

WINDOW_SECONDS = 86_400


def without_transaction() -> Handler:
    """Return a handler whose business function does nothing."""
    return _handler(lambda _payment, _request_id: None)


def with_business_write() -> Handler:
    """Return a handler that records the payment and adds it to the balance, in one transaction of its own."""
    client, table_name = boto3.client("dynamodb"), payments_table()

    def record(payment: Payment, request_id: str) -> None:
        client.transact_write_items(TransactItems=_writes(table_name, payment, request_id))

    return _handler(record)


def _handler(process: Callable[[Payment, str], None]) -> Handler:
    config = IdempotencyConfig(event_key_jmespath="payment_id", expires_after_seconds=WINDOW_SECONDS)
    processor = BatchProcessor(event_type=EventType.SQS)

    @idempotent_function(  # type: ignore[untyped-decorator]
        data_keyword_argument="body", persistence_store=DynamoDBPersistenceLayer(items_table()), config=config
    )
    def record_once(*, body: dict[str, Any], request_id: str) -> None:
        process(Payment.from_json(body), request_id)

    def record_handler(record: "SQSRecord") -> None:
        request_id = record.message_attributes[REQUEST_ID_ATTRIBUTE].string_value
        record_once(body=record.json_body, request_id=request_id)

    def handler(event: Any, context: InvocationContext) -> Any:
        config.register_lambda_context(context)
        return process_partial_response(event, record_handler, processor, context)

    return handler


def _writes(table_name: str, payment: Payment, request_id: str) -> list[Any]:
    entry = {
        "account": {"S": payment.account},
        "entry": {"S": f"PAYMENT#{payment.payment_id}"},
        "amount": {"N": str(payment.amount)},
        "currency": {"S": payment.currency},
        "request_id": {"S": request_id},
        "recorded_at": {"N": str(time.time_ns() // 1_000)},
    }
    balance = {
        "TableName": table_name,
        "Key": {"account": {"S": payment.account}, "entry": {"S": f"BALANCE#{payment.currency}"}},
        "UpdateExpression": "ADD balance :amount, payments :one",
        "ExpressionAttributeValues": {":amount": {"N": str(payment.amount)}, ":one": {"N": "1"}},
    }
    return [{"Put": {"TableName": table_name, "Item": entry}}, {"Update": balance}]
