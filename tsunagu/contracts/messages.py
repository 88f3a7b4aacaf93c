"""Messages as SQS and SNS carry them: names of attributes, limits, schema version, deduplication ids."""

SCHEMA_VERSION = 1

# Message attributes. A message has ten at most; with these five, five are left for the producer.
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


def is_fifo(address: str) -> bool:
    """Return whether a queue URL, or the ARN of a queue or topic, is that of a FIFO one: AWS requires the suffix.

    A standard queue or topic takes a message group too: it makes the queue fair, and orders nothing. But it takes no
    deduplication id.
    """
    return address.endswith(".fifo")


def dead_letter_source(queue_arn: str, message_id: str) -> str:
    """Return where a dead letter came from: the queue, and the SQS message id that it had there."""
    return f"{queue_arn}/{message_id}"


def dead_letter_deduplication_id(message_id: str) -> str:
    """Return the deduplication id of a dead letter that is sent to a FIFO dead-letter queue.

    It contains the SQS message id, not the business key, because one key can be dead-lettered twice in five minutes.
    """
    return f"dead-{message_id}"


def redrive_deduplication_id(message_id: str) -> str:
    """Return the deduplication id of a dead letter that is redriven.

    A message that was dead-lettered twice has another one each time.
    """
    return f"redrive-{message_id}"
