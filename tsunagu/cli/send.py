"""`tsunagu send`: sends JSON lines to a queue of a deployed stack."""

from collections.abc import Iterator
from typing import Annotated

import typer

from tsunagu.cli.changes import Change, ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.completion import complete_queue, complete_stack
from tsunagu.cli.files import read_text
from tsunagu.cli.options import StackName, Stage
from tsunagu.cli.output import tell
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.channels import find_channel
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.payloads import read_payloads
from tsunagu.operations.reader import Reader
from tsunagu.operations.scope import find_stack_in
from tsunagu.operations.sending import PayloadSender, compose_messages

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

    Checks every line before it sends the first. Prints the request id of each message as it is sent. After Ctrl-C it
    says which line it came to.

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
        sender = PayloadSender(aws.sqs, channel, payloads, messages)
        try:
            for request_ids in sender.run():
                typer.echo("".join(f"{each}\n" for each in request_ids), nl=False)
        finally:
            sent = sender.request_ids
            record.note(queue=channel.queue_url, sent=len(sent), refused=len(sender.failures))
            record.note(request_ids=sent[:IDS_RECORDED])
            for line in _progress(sender):
                tell(line)
        _refuse_failures(sender)


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"


def _progress(sender: PayloadSender) -> Iterator[str]:
    """Yield what was sent, and where it stopped when it did not come to the end."""
    count, total = len(sender.request_ids), _messages(len(sender.messages))
    yield f"sent {count:,} of {total} to {sender.channel.queue_url}"
    if lines := sender.lines_under_way:
        yield f"lines {lines[0]} to {lines[-1]} may have been sent: look before you send them again"
    if sender.first_line_left is not None:
        yield f"line {sender.first_line_left} and those behind it were not sent"


def _refuse_failures(sender: PayloadSender) -> None:
    if failures := sender.failures:
        shown = "; ".join(failures[:FAILURES_SHOWN])
        msg = f"every message must be accepted, got {len(failures)} refused: {shown}"
        raise CommandError(msg)


def _stack_named(argument: str | None, option: str | None) -> str:
    if argument is not None and option is not None:
        msg = "either STACK or --stack must name the stack, got both"
        raise CommandError(msg)
    if (name := argument or option) is None:
        msg = "either STACK or --stack must name the stack, got none"
        raise CommandError(msg)
    return name
