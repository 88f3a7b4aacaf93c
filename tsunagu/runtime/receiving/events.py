"""SQS events: reads the records of an event, and refuses events from anywhere but the function's own queue.

The source in each record decides, not the shape of the event: anyone could send a list of records.
"""

from collections.abc import Mapping
from typing import Any

from tsunagu.runtime.errors import UnknownEventError

SQS = "aws:sqs"


def sqs_records(event: object, queue_arn: str) -> list[Mapping[str, Any]]:
    """Return the records of an SQS event.

    Args:
        event: What Lambda handed over.
        queue_arn: The queue that the function consumes.

    Raises:
        UnknownEventError: The event is not an SQS event, or a record comes from another queue.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records:
        msg = f"the event must have SQS records of {queue_arn}, got {_described(event)}"
        raise UnknownEventError(msg)
    for record in records:
        source = (record.get("eventSource"), record.get("eventSourceARN")) if isinstance(record, dict) else None
        if source != (SQS, queue_arn):
            msg = f"every record must come from {queue_arn}, got one from {source}"
            raise UnknownEventError(msg)
    return records


def _described(event: object) -> str:
    return f"an event with the keys {sorted(map(str, event))}" if isinstance(event, dict) else type(event).__name__
