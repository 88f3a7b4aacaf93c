"""`tsunagu send`: JSON lines become messages."""

from collections.abc import Sequence
from typing import Annotated

import boto3
import typer

from tsunagu.cli.files import read_text
from tsunagu.cli.payloads import Payload, read_payloads
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE, SCHEMA_VERSION, SCHEMA_VERSION_ATTRIBUTE, SQS_MESSAGE_BYTES
from tsunagu.errors import CommandError
from tsunagu.operations.channels import SERVICES, QueueKind, Service, ServiceName, find_queue_url
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock, new_request_id
from tsunagu.runtime.idempotency.keys import payload_hash
from tsunagu.runtime.sending.publish import OutgoingMessage, QueueSender

FAILURES_TOLD = 10


def send(
    service: Annotated[ServiceName, typer.Argument(help="Who gets the messages.")],
    file: Annotated[str, typer.Option(help="JSON lines, one message a line; - is standard input.")],
    queue: Annotated[QueueKind, typer.Option(help="Which of the service's queues.")],
    stage: Annotated[str, typer.Option(help="Stage of the stack: tsunagu-<stage>-<service>.")] = "dev",
) -> None:
    """Send a file of JSON lines to a service's queue.

    Prints the request id of each message that was sent, in the order of the lines. Nothing is sent when a line is not
    a JSON object.
    """
    # Split at new lines only: a JSON text may hold other characters that Python takes for line ends.
    payloads = read_payloads(read_text("--file", file).split("\n"))
    messages = compose_messages(SERVICES[service], payloads, queue)
    stack_name = SERVICES[service].stack_name(stage)
    queue_url = find_queue_url(boto3.client("cloudformation"), stack_name, queue)
    sqs = boto3.client("sqs")
    failures = deliver(SqsQueueSender(lambda: sqs, queue_url), payloads, messages)
    typer.echo(f"sent {len(messages) - len(failures)} of {len(messages)} messages to {queue_url}", err=True)
    if failures:
        told = "; ".join(failures[:FAILURES_TOLD])
        msg = f"every message must be accepted, got {len(failures)} refused: {told}"
        raise CommandError(msg)


def compose_messages(service: Service, payloads: Sequence[Payload], kind: QueueKind) -> list[OutgoingMessage]:
    """Return a message for each payload.

    On a FIFO queue the deduplication id is a hash of the payload, the business key in it: SQS drops the same payload
    sent again within five minutes, but not another payload under the same key.

    Raises:
        CommandError: A line is too large for SQS, or has no text in the field of the message group.
    """
    clock = SystemClock()
    messages = []
    for payload in payloads:
        message = OutgoingMessage(
            body=payload.text,
            attributes={
                REQUEST_ID_ATTRIBUTE: new_request_id(clock.now_ms()),
                SCHEMA_VERSION_ATTRIBUTE: str(SCHEMA_VERSION),
            },
            group_id=payload.text_field(service.group_field) if kind is QueueKind.FIFO else None,
            deduplication_id=payload_hash(payload.fields) if kind is QueueKind.FIFO else None,
        )
        if message.size_bytes > SQS_MESSAGE_BYTES:
            msg = (
                f"line {payload.line}: at most {SQS_MESSAGE_BYTES:,} bytes must go with it, got {message.size_bytes:,}"
            )
            raise CommandError(msg)
        messages.append(message)
    return messages


def deliver(sender: QueueSender, payloads: Sequence[Payload], messages: Sequence[OutgoingMessage]) -> list[str]:
    """Send `messages`, print the request id of each that was sent, and return a phrase for each that was not."""
    failures = []
    for payload, message, result in zip(payloads, messages, sender.send(messages), strict=True):
        if result.error is None:
            typer.echo(message.attributes[REQUEST_ID_ATTRIBUTE])
        else:
            failures.append(f"line {payload.line}: {result.error}")
    return failures
