"""Powertools for AWS Lambda: idempotency of the record's function, and the batch processor around it.

Source: https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
"""

from typing import Any

from aws_lambda_powertools.utilities.batch import (  # type: ignore[import-not-found, unused-ignore]
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.idempotency import (  # type: ignore[import-not-found, unused-ignore]
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from benchmarks.correctness.contenders.ledger import client, environment, record_payment

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
_config = IdempotencyConfig(
    event_key_jmespath="payment_id",
    payload_validation_jmespath="[account, amount, currency]",
    raise_on_no_idempotency_key=True,
    expires_after_seconds=environment().idempotency_window_seconds,
)
_store = DynamoDBPersistenceLayer(table_name=environment().idempotency_table_name, boto3_client=client())


@idempotent_function(data_keyword_argument="payment", config=_config, persistence_store=_store)  # type: ignore[untyped-decorator, unused-ignore]
def _record_once(*, payment: dict[str, Any]) -> None:
    record_payment(payment)


def _process(record: Any) -> None:
    _record_once(payment=record.json_body)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Record each payment once, as Powertools sees it; return those that failed."""
    _config.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=_process, processor=_processor, context=context)
