"""`tsunagu send`: sends JSON lines to a queue of a deployed stack."""

from typing import Annotated

import typer

from tsunagu.cli.changes import Change, ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.completion import complete_queue, complete_stack
from tsunagu.cli.files import read_text
from tsunagu.cli.options import StackName, Stage
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.channels import Channel, find_channel
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.payloads import read_payloads
from tsunagu.operations.reader import Reader
from tsunagu.operations.scope import find_stack_in
from tsunagu.operations.sending import SendReport, compose_messages, send_payloads

FAILURES_SHOWN = 10
IDS_RECORDED = 100  # of the messages that were sent: `tsunagu why` finds who sent them


@guarded
def send(
    stack_argument: Annotated[
        str | None,
        typer.Argument(
            metavar="STACK",
            help="Stack of the queue, by its whole name or its own part of it.",
            autocompletion=complete_stack,
        ),
    ] = None,
    *,
    file: Annotated[str, typer.Option(help="JSON lines, one message a line; - is standard input.")],
    queue: Annotated[
        str,
        typer.Option(
            help="Queue of the stack: `fifo` is its QueueChannel `FifoChannel`.", autocompletion=complete_queue
        ),
    ],
    group_by: Annotated[
        str | None, typer.Option(help="Field of each line that is the message group. A FIFO queue needs it.")
    ] = None,
    stage: Stage = None,
    stack: StackName = None,
    options: ChangeOptions,
) -> None:
    """Send a file of JSON lines to a queue.

    Checks every line before it sends the first. Prints the request id of each message that was sent.

    Example: tsunagu send payments --queue fifo --group-by account --file payments.jsonl --stage dev
    """
    # Split at new lines only: a JSON text may hold other characters that Python takes for line ends.
    payloads = read_payloads(read_text("--file", file).split("\n"))
    name, aws = _stack_named(stack_argument, stack), Aws()
    inventory = read_inventory(aws.cloudformation, find_stack_in(aws.cloudformation, name, stage))
    channel = find_channel(Reader(aws), inventory, queue)
    messages = compose_messages(payloads, channel, group_by=group_by)
    change = Change(
        command="send",
        what=f"send {_messages(len(messages))} to the queue {channel.name}",
        stack=inventory,
        log_group=channel.log_group,
    )
    if not agreed(change, options):
        return
    with recorded(aws, change, options) as record:
        report = send_payloads(aws.sqs, channel, payloads, messages)
        record.note(queue=channel.queue_url, sent=len(report.request_ids), refused=len(report.failures))
        record.note(request_ids=report.request_ids[:IDS_RECORDED])
        _tell(report, channel, len(messages))


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"


def _tell(report: SendReport, channel: Channel, count: int) -> None:
    for request_id in report.request_ids:
        typer.echo(request_id)
    typer.echo(f"sent {len(report.request_ids):,} of {_messages(count)} to {channel.queue_url}", err=True)
    if report.failures:
        shown = "; ".join(report.failures[:FAILURES_SHOWN])
        msg = f"every message must be accepted, got {len(report.failures)} refused: {shown}"
        raise CommandError(msg)


def _stack_named(argument: str | None, option: str | None) -> str:
    if argument is not None and option is not None:
        msg = "either STACK or --stack must name the stack, got both"
        raise CommandError(msg)
    if (name := argument or option) is None:
        msg = "either STACK or --stack must name the stack, got none"
        raise CommandError(msg)
    return name
