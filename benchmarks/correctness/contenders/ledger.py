"""The effect that all contenders have: the payment and the balance of its account, in one transaction."""

import functools
import os
import time
from typing import TYPE_CHECKING, Any

from lambdas.contracts.payments import PaymentsEnvironment
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.runtime.aws.clients import client_config, dynamodb_client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@functools.cache
def environment() -> ReceiverEnvironment:
    """Return what the stack says of the receiver."""
    return ReceiverEnvironment.from_environment(os.environ)


@functools.cache
def client() -> "DynamoDBClient":
    """Return the client, with the time-outs and retries that ours has."""
    return dynamodb_client(client_config(environment().function_timeout_seconds))


@functools.cache
def _table_name() -> str:
    return PaymentsEnvironment.from_environment(os.environ).payments_table_name


def record_payment(payment: dict[str, Any]) -> None:
    """Record a payment and add it to its account's balance; the SDK's retries of the call have one token."""
    account = {"S": payment["account"]}
    item = {
        "account": account,
        "entry": {"S": f"PAYMENT#{payment['payment_id']}"},
        "amount": {"N": str(payment["amount"])},
        "currency": {"S": payment["currency"]},
        "recorded_at": {"N": str(time.time_ns() // 1_000)},
    }
    balance = {
        "TableName": _table_name(),
        "Key": {"account": account, "entry": {"S": f"BALANCE#{payment['currency']}"}},
        "UpdateExpression": "ADD balance :amount, payments :one",
        "ExpressionAttributeValues": {":amount": item["amount"], ":one": {"N": "1"}},
    }
    parts: list[Any] = [{"Put": {"TableName": _table_name(), "Item": item}}, {"Update": balance}]
    client().transact_write_items(TransactItems=parts)
