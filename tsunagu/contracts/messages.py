"""Messages as SQS and SNS carry them: names of attributes, limits, schema version, deduplication ids."""

import re

SCHEMA_VERSION = 1

# Message attributes of ours, and of nobody else: what a producer's own attributes mean is the producer's business.
# A message has ten at most. With the three of every message and the first two of a dead letter, five are left for the
# producer. The third of a dead letter, its item, is left out where there is no room. A redrive replaces them by one.
# Those of a pipeline are on its messages only, which have no others.
REQUEST_ID_ATTRIBUTE = "tsunagu_request_id"
SCHEMA_VERSION_ATTRIBUTE = "tsunagu_schema_version"
HOP_COUNT_ATTRIBUTE = "tsunagu_hop_count"
DEAD_LETTER_REASON_ATTRIBUTE = "tsunagu_dead_letter_reason"
DEAD_LETTER_SOURCE_ATTRIBUTE = "tsunagu_dead_letter_source"
DEAD_LETTER_ITEM_ATTRIBUTE = "tsunagu_dead_letter_item"  # id of its item in the idempotency table
REDRIVEN_ATTRIBUTE = "tsunagu_redriven"  # of a dead letter that an operator sent back: how often
GROUP_PLACE_ATTRIBUTE = "tsunagu_group_place"  # of a letter of a parked group, and of what is redriven of it
TRACE_CONTEXT_ATTRIBUTE = "tsunagu_trace_context"
# The W3C's name, so it is the producer's. It is read for the trace alone, and carried on.
TRACEPARENT = "traceparent"
# A replay of one service sets this attribute. A subscription accepts its own service's name, or no attribute.
SERVICE_ATTRIBUTE = "tsunagu_service"
ATTRIBUTES = frozenset(
    {
        REQUEST_ID_ATTRIBUTE,
        SCHEMA_VERSION_ATTRIBUTE,
        HOP_COUNT_ATTRIBUTE,
        DEAD_LETTER_REASON_ATTRIBUTE,
        DEAD_LETTER_SOURCE_ATTRIBUTE,
        DEAD_LETTER_ITEM_ATTRIBUTE,
        REDRIVEN_ATTRIBUTE,
        GROUP_PLACE_ATTRIBUTE,
        TRACE_CONTEXT_ATTRIBUTE,
        SERVICE_ATTRIBUTE,
    }
)
# Names of earlier messages, by the name of now. They are read where a message does not have the name of now, until the
# next release. `schema_version` and `service` are missing here: a producer's own must not stop a message.
OLD_ATTRIBUTES = {
    REQUEST_ID_ATTRIBUTE: "request_id",
    HOP_COUNT_ATTRIBUTE: "hop_count",
    DEAD_LETTER_REASON_ATTRIBUTE: "dead_letter_reason",
    DEAD_LETTER_SOURCE_ATTRIBUTE: "dead_letter_source",
    TRACE_CONTEXT_ATTRIBUTE: "trace_context",
}
ATTRIBUTES_PER_MESSAGE = 10

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
SQS_MESSAGE_BYTES = 1_048_576
SQS_ENTRIES_PER_BATCH = 10
# https://docs.aws.amazon.com/general/latest/gr/sns.html
SNS_MESSAGE_BYTES = 262_144

DEAD_LETTER_REASON_BYTES = 1_024
REQUEST_ID_LENGTHS = range(1, 129)

_PLACED = re.compile(r"(?:dead|redrive)-place-([0-9]+\.[0-9]+)-")


def is_fifo(address: str) -> bool:
    """Return whether a queue URL, or the ARN of a queue or topic, is that of a FIFO one: AWS requires the suffix.

    A standard queue or topic takes a message group too: it makes the queue fair, and orders nothing. But it takes no
    deduplication id.
    """
    return address.endswith(".fifo")


def dead_letter_source(queue_arn: str, message_id: str) -> str:
    """Return where a dead letter came from: the queue, and the SQS message id that it had there."""
    return f"{queue_arn}/{message_id}"


def dead_letter_deduplication_id(message_id: str, place: str = "") -> str:
    """Return the deduplication id of a dead letter that is sent to a FIFO dead-letter queue.

    It contains the SQS message id, not the business key, because one key can be dead-lettered twice in five minutes.

    Args:
        message_id: SQS message id that the message had in its queue.
        place: Its place in a parked group. Default: it has none.
    """
    return f"dead-{_placed(place)}{message_id}"


def redrive_deduplication_id(message_id: str, place: str = "") -> str:
    """Return the deduplication id of a dead letter that is redriven.

    A message that was dead-lettered twice has another one each time.

    Args:
        message_id: SQS message id of the letter.
        place: Its place in a parked group. Default: it has none.
    """
    return f"redrive-{_placed(place)}{message_id}"


def place_in(deduplication_id: str) -> str:
    """Return the place in a parked group that a deduplication id of ours has; empty where it has none."""
    found = _PLACED.match(deduplication_id)
    return found[1] if found else ""


def _placed(place: str) -> str:
    return f"place-{place}-" if place else ""
