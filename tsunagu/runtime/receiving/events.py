"""SQS events: reads the records of an event, and refuses events from anywhere but the function's own queue.

The source in each record decides, not the shape of the event: anyone could send a list of records.
"""

import re
from collections.abc import Mapping
from typing import Any

from tsunagu.runtime.errors import UnknownEventError

SQS = "aws:sqs"

_SERVICE = re.compile(r"aws:[a-z0-9]{1,32}")
_MESSAGE_ID = re.compile(r"[!-~]{1,100}")  # a UUID, in fact


def sqs_records(event: object, queue_arn: str) -> list[Mapping[str, Any]]:
    """Return the records of an SQS event.

    Args:
        event: What Lambda handed over.
        queue_arn: The queue that the function consumes.

    Raises:
        UnknownEventError: The event is not an SQS event; or a record comes from another queue; or it has no message id,
            without which SQS cannot be told that it is not done. The text has nothing of the event, because Lambda logs
            it.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records:
        msg = f"the event must have SQS records of {queue_arn}, got {_described(event)}"
        raise UnknownEventError(msg)
    for record in records:
        fields = record if isinstance(record, dict) else {}
        if (fields.get("eventSource"), fields.get("eventSourceARN")) != (SQS, queue_arn):
            msg = f"every record must come from {queue_arn}, got one from {_origin(fields)}"
            raise UnknownEventError(msg)
        message_id = fields.get("messageId")
        if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
            msg = f"every record of {queue_arn} must have a messageId, got one without"
            raise UnknownEventError(msg)
    return records


def _described(event: object) -> str:
    return f"an event with {len(event):,} keys" if isinstance(event, dict) else f"a {type(event).__name__}"


def _origin(fields: Mapping[str, Any]) -> str:
    """Return where a record comes from: the name of an AWS service, if it says one; nothing else that it says."""
    source = fields.get("eventSource")
    if source == SQS:
        return "another queue"
    return source if isinstance(source, str) and _SERVICE.fullmatch(source) else "elsewhere"
