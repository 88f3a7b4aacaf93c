"""`tsunagu status`: shows how stacks are, and what needs a person."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.live import Live

from tsunagu.cli.completion import complete_stack
from tsunagu.cli.options import AsJson, Stage, scope_of
from tsunagu.cli.output import Cropped, group_of, output_console, print_parts
from tsunagu.cli.status_report import status_as_json, status_parts, watched_parts
from tsunagu.errors import CommandError, NotFoundError
from tsunagu.operations.aws import Aws
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.scope import inventories_in
from tsunagu.operations.status.model import StackStatus
from tsunagu.operations.status.read import read_status
from tsunagu.operations.times import utc_text

NEEDS_A_PERSON = 1


def status(
    stack: Annotated[
        str | None,
        typer.Argument(
            metavar="STACK",
            help="The stack, by its whole name or its own part of it. Default: all with flows.",
            autocompletion=complete_stack,
        ),
    ] = None,
    *,
    stack_option: Annotated[
        str | None, typer.Option("--stack", "--stack-name", help="The same as STACK, as other verbs have it.")
    ] = None,
    stage: Stage = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Print how the queues, dead letters, consumers, schedules, leases, requests and alarms of stacks are.

    Exit code 1: something needs a person. What may not be read is "unknown", with the action that is not allowed.

    Example: tsunagu status --stage prod
    """
    if stack is not None and stack_option is not None:
        msg = "either STACK or --stack must name the stack, got both"
        raise CommandError(msg)
    aws, scope = Aws(), scope_of(stack or stack_option, stage)
    inventories = inventories_in(aws.cloudformation, scope)
    if not inventories:
        msg = f"{scope} must have something that this library made, got none: name a stack to see its queues"
        raise NotFoundError(msg)
    if watch and not as_json:
        _watch(aws, inventories, interval)
        return
    statuses = _read(aws, inventories)
    if as_json:
        typer.echo(json.dumps(status_as_json(statuses), indent=2, default=str))
    else:
        print_parts(output_console(), status_parts(statuses))
    if any(each.needs for each in statuses):
        raise typer.Exit(NEEDS_A_PERSON)


def _read(aws: Aws, inventories: Sequence[StackInventory]) -> list[StackStatus]:
    return [read_status(aws, inventory) for inventory in inventories]


def _watch(aws: Aws, inventories: Sequence[StackInventory], interval: float) -> None:
    """Show the status in place on a terminal, and one below the other elsewhere, until Ctrl-C."""
    console = output_console()
    with suppress(KeyboardInterrupt):
        if not console.is_terminal:
            while True:
                print_parts(console, status_parts(_read(aws, inventories)))
                time.sleep(interval)
        with Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                parts = watched_parts(_read(aws, inventories), f"{utc_text(int(time.time() * 1_000))}; Ctrl-C ends")
                live.update(Cropped(group_of(parts)), refresh=True)
                time.sleep(interval)
