"""`tsunagu send`: sends JSON lines to a queue of a deployed stack."""

from typing import Annotated

import boto3
import typer

from tsunagu.cli.files import read_text
from tsunagu.cli.options import StackName, Stage
from tsunagu.errors import CommandError
from tsunagu.operations.channels import find_channel
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack
from tsunagu.operations.deployed_stacks import stack_name as name_of_stack
from tsunagu.operations.payloads import read_payloads
from tsunagu.operations.sending import compose_messages, send_payloads

FAILURES_SHOWN = 10


def send(
    stack: Annotated[
        str | None,
        typer.Argument(metavar="STACK", help="Stack of the queue, by its own part of the name: tsunagu-<stage>-STACK."),
    ] = None,
    *,
    file: Annotated[str, typer.Option(help="JSON lines, one message a line; - is standard input.")],
    queue: Annotated[str, typer.Option(help="Queue of the stack: `order-events` is its output OrderEventsQueueUrl.")],
    group_by: Annotated[
        str | None, typer.Option(help="Field of each line that is the message group. A FIFO queue needs it.")
    ] = None,
    stage: Stage = "dev",
    stack_name: StackName = None,
) -> None:
    """Send a file of JSON lines to a queue.

    Checks every line before it sends the first. Prints the request id of each message that was sent.
    """
    # Split at new lines only: a JSON text may hold other characters that Python takes for line ends.
    payloads = read_payloads(read_text("--file", file).split("\n"))
    channel = find_channel(_find_stack(stack, stage, stack_name), queue)
    messages = compose_messages(payloads, channel, group_by=group_by)
    report = send_payloads(boto3.client("sqs"), channel, payloads, messages)
    for request_id in report.request_ids:
        typer.echo(request_id)
    typer.echo(f"sent {len(report.request_ids)} of {len(messages)} messages to {channel.queue_url}", err=True)
    if report.failures:
        shown = "; ".join(report.failures[:FAILURES_SHOWN])
        msg = f"every message must be accepted, got {len(report.failures)} refused: {shown}"
        raise CommandError(msg)


def _find_stack(stack: str | None, stage: str, stack_name: str | None) -> DeployedStack:
    if (stack is None) == (stack_name is None):
        msg = f"either STACK or --stack-name must name the stack, got {'none' if stack is None else 'both'}"
        raise CommandError(msg)
    return find_stack(boto3.client("cloudformation"), stack_name or name_of_stack(stage, str(stack)))
