"""Messages on the wire: attribute names, limits, schema version, identifiers of sends."""

SCHEMA_VERSION = 1

# Message attributes. SQS and SNS allow ten; ours leave room for five of a producer's.
REQUEST_ID_ATTRIBUTE = "request_id"
SCHEMA_VERSION_ATTRIBUTE = "schema_version"
HOP_COUNT_ATTRIBUTE = "hop_count"
DEAD_LETTER_REASON_ATTRIBUTE = "dead_letter_reason"
DEAD_LETTER_SOURCE_ATTRIBUTE = "dead_letter_source"
ATTRIBUTES_PER_MESSAGE = 10

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
SQS_MESSAGE_BYTES = 1_048_576
SQS_ENTRIES_PER_BATCH = 10
# https://docs.aws.amazon.com/general/latest/gr/sns.html
SNS_MESSAGE_BYTES = 262_144

DEAD_LETTER_REASON_BYTES = 1_024
REQUEST_ID_LENGTHS = range(1, 129)


def dead_letter_source(queue_arn: str, message_id: str) -> str:
    """Where a dead letter came from: the queue and the id that the message had there."""
    return f"{queue_arn}/{message_id}"


def dead_letter_deduplication_id(message_id: str) -> str:
    """Deduplication id of a message on its way into a FIFO dead-letter queue.

    Derived from the SQS message id, not from the business key: the same key may die twice within five minutes.
    """
    return f"dead-{message_id}"


def redrive_deduplication_id(message_id: str) -> str:
    """Deduplication id of a dead letter on its way back: another one for each time that it died."""
    return f"redrive-{message_id}"
