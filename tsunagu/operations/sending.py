"""Sends payloads to a queue, each as a message with a request id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE, SCHEMA_VERSION, SCHEMA_VERSION_ATTRIBUTE, SQS_MESSAGE_BYTES
from tsunagu.errors import InvalidInputError
from tsunagu.operations.channels import Channel
from tsunagu.operations.payloads import Payload
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import Clock, SystemClock, new_request_id
from tsunagu.runtime.idempotency.keys import payload_hash
from tsunagu.runtime.sending.publish import OutgoingMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """Which payloads were sent.

    Attributes:
        request_ids: Request id of each payload that was sent, in the order of the lines.
        failures: Line and error of each payload that was not sent.
    """

    request_ids: Sequence[str]
    failures: Sequence[str]


def compose_message(
    body: str, *, request_id: str, group_id: str | None = None, deduplication_id: str | None = None
) -> OutgoingMessage:
    """Return a message with the attributes that every message has: request id and schema version."""
    return OutgoingMessage(
        body=body,
        attributes={REQUEST_ID_ATTRIBUTE: request_id, SCHEMA_VERSION_ATTRIBUTE: str(SCHEMA_VERSION)},
        group_id=group_id,
        deduplication_id=deduplication_id,
    )


def compose_messages(
    payloads: Sequence[Payload], channel: Channel, *, group_by: str | None = None, clock: Clock | None = None
) -> list[OutgoingMessage]:
    """Return a message for each payload, with a new request id.

    On a FIFO queue the deduplication id is a hash of the whole payload. So SQS drops a payload that is sent again
    within five minutes, but it takes another payload with the same business key.

    Args:
        payloads: What is sent.
        channel: Where to.
        group_by: Field of the payload that is the message group. A FIFO queue needs one, a standard queue takes none.
        clock: The time, for the request ids. Default: the machine's.

    Raises:
        InvalidInputError: `group_by` does not suit the queue, a payload has no text in that field, or a message is too
            large for SQS. The message names the line.
    """
    _check_group_by(channel, group_by)
    clock = clock or SystemClock()
    return [_message(payload, group_by, new_request_id(clock.now_ms())) for payload in payloads]


def send_messages(client: "SQSClient", queue_url: str, messages: Sequence[OutgoingMessage]) -> list[str | None]:
    """Send messages to a queue in order; return the error of each that was not sent, and None for each that was."""
    return [result.error for result in SqsQueueSender(lambda: client, queue_url).send(messages)]


def send_payloads(
    client: "SQSClient", channel: Channel, payloads: Sequence[Payload], messages: Sequence[OutgoingMessage]
) -> SendReport:
    """Send the messages of payloads, and report which of them were sent.

    Args:
        client: SQS client.
        channel: Where to.
        payloads: What is sent.
        messages: The message of each payload, from `compose_messages`.
    """
    request_ids, failures = [], []
    errors = send_messages(client, channel.queue_url, messages)
    for payload, message, error in zip(payloads, messages, errors, strict=True):
        if error is None:
            request_ids.append(str(message.attributes[REQUEST_ID_ATTRIBUTE]))
        else:
            failures.append(f"line {payload.line}: {error}")
    return SendReport(request_ids=request_ids, failures=failures)


def _check_group_by(channel: Channel, group_by: str | None) -> None:
    if channel.is_fifo and group_by is None:
        msg = f"--group-by must name the field that is the message group, because {channel.name} is a FIFO queue"
        raise InvalidInputError(msg)
    if not channel.is_fifo and group_by is not None:
        msg = f"--group-by must be left out, because {channel.name} is a standard queue, got {group_by}"
        raise InvalidInputError(msg)


def _message(payload: Payload, group_by: str | None, request_id: str) -> OutgoingMessage:
    message = compose_message(
        payload.text,
        request_id=request_id,
        group_id=None if group_by is None else payload.text_field(group_by),
        deduplication_id=None if group_by is None else payload_hash(payload.fields),
    )
    if message.size_bytes > SQS_MESSAGE_BYTES:
        size = f"{message.size_bytes:,}"
        msg = f"line {payload.line}: the message must have at most {SQS_MESSAGE_BYTES:,} bytes, got {size}"
        raise InvalidInputError(msg)
    return message
