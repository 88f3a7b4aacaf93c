"""`tsunagu capacity`: how many messages a second receivers drain, and how long a backlog takes."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.capacity.receiver import Load
from tsunagu.cli.capacity_question import Question, is_path, stack_of, times_of
from tsunagu.cli.capacity_report import capacity_as_json, capacity_parts
from tsunagu.cli.options import AsJson, Stage
from tsunagu.cli.output import output_console, print_parts


def capacity(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="Deployed stack, by its whole name or its own part of it; or a template (JSON, YAML), or a folder of "
            "`cdk synth`, such as `cdk.out`.",
        ),
    ] = None,
    *,
    milliseconds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]NUMBER",
            help="Time that one message adds to an invocation, of one receiver or of all; may be repeated. Default: as "
            "measured in the logs of a deployed stack.",
        ),
    ] = None,
    batch_milliseconds: Annotated[
        float | None, typer.Option(help="Time that an invocation takes besides. Default: as measured, else 20.")
    ] = None,
    messages: Annotated[
        int | None,
        typer.Option(min=0, help="Messages that wait. Default: those in the queue of a deployed stack, else 100,000."),
    ] = None,
    message_bytes: Annotated[int, typer.Option(min=1, help="Size of a message.")] = 1_000,
    parallel: Annotated[
        int, typer.Option(min=1, help="Messages of a standard batch at the same time: concurrency of the decorator.")
    ] = 1,
    groups: Annotated[int, typer.Option(min=1, help="Message groups that the messages are of (FIFO).")] = 1_000,
    largest_group: Annotated[
        int, typer.Option(min=0, help="Messages of the largest group (FIFO). Default: groups are equal.")
    ] = 0,
    own_writes: Annotated[
        float,
        typer.Option(
            min=0,
            help="Write units of the business function to one table of its own, for one message: two for each item of "
            "a transaction.",
        ),
    ] = 0.0,
    table_writes: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Write units of the idempotency table for one message. Default: 2, and 1 for each index. A message "
            "with a transaction takes 1 more.",
        ),
    ] = None,
    hot_writes: Annotated[
        float, typer.Option(min=0, help="Write units to one and the same partition key, for one message.")
    ] = 0.0,
    account_concurrency: Annotated[
        int | None,
        typer.Option(min=1, help="Concurrency of the account that is free. Default: as the account says, else 1,000."),
    ] = None,
    sns_quota: Annotated[
        int, typer.Option(min=0, help="Messages a second that SNS takes in the account. Default: not counted.")
    ] = 0,
    since: Annotated[str, typer.Option(help="How old measured invocations may be: 90m, 24h, 3d, or a time.")] = "24h",
    stack: Annotated[
        str | None, typer.Option("--stack", "--stack-name", help="The stack; or one stack of the folder SOURCE.")
    ] = None,
    stage: Stage = None,
    as_json: AsJson = False,
) -> None:
    """Print what each receiver of a stack drains at most, what throttles it first, and which change helps most.

    Example: tsunagu capacity payments --stage prod --messages 2000000 --groups 5000

    Example: tsunagu capacity cdk.out --milliseconds 40 --milliseconds Orders/Billing=120 --messages 2000000
    """
    load = Load(
        message_ms=1.0,  # each receiver has its own
        message_bytes=message_bytes,
        parallel=parallel,
        groups=groups,
        largest_group=largest_group,
        own_writes=own_writes,
        hot_writes=hot_writes,
        sns_quota=sns_quota,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", ""),
    )
    question = Question(
        load=load,
        milliseconds=times_of(milliseconds or []),
        batch_ms=batch_milliseconds,
        messages=messages,
        account_concurrency=account_concurrency,
        table_writes=table_writes,
    )
    if source is not None and is_path(source):
        found = question.of_template(Path(source), stack)
    else:
        found = question.of_stack(stack_of(source, stack), stage, since)
    if as_json:
        typer.echo(json.dumps(capacity_as_json(found), indent=2))
    else:
        print_parts(output_console(), capacity_parts(found))
