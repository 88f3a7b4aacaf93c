"""A lock that means "done": one conditional put before the work, deleted when the work raises."""

import json
import logging
import time
from typing import Any

from benchmarks.correctness.contenders.ledger import client, environment, record_payment

_logger = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Record each payment whose lock is free; return those that failed."""
    failures = []
    for message in event["Records"]:
        try:
            _record_once(json.loads(message["body"]))
        except Exception:
            _logger.exception("payment failed")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


def _record_once(payment: dict[str, Any]) -> None:
    if not _lock(payment["payment_id"]):
        return
    try:
        record_payment(payment)
    except Exception:
        client().delete_item(TableName=environment().idempotency_table_name, Key={"id": {"S": payment["payment_id"]}})
        raise


def _lock(key: str) -> bool:
    expiration = int(time.time()) + environment().idempotency_window_seconds
    try:
        client().put_item(
            TableName=environment().idempotency_table_name,
            Item={"id": {"S": key}, "expiration": {"N": str(expiration)}},
            ConditionExpression="attribute_not_exists(id)",
        )
    except client().exceptions.ConditionalCheckFailedException:
        return False
    return True
