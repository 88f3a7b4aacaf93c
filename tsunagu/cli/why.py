"""`tsunagu why`: everything that is recorded of one id. `tsunagu find`: the items of a business key."""

import json
import time
from typing import Annotated

import typer

from tsunagu.cli.options import AsJson, StackName, Stage, scope_of
from tsunagu.cli.output import output_console, print_parts
from tsunagu.cli.status_report import denial_line
from tsunagu.cli.why_report import item_parts, why_as_json, why_parts
from tsunagu.errors import NotFoundError
from tsunagu.operations.aws import Aws
from tsunagu.operations.evidence.gather import find_items, gather, places_of
from tsunagu.operations.evidence.items import finding_of_item
from tsunagu.operations.letters.selection import moment_ms
from tsunagu.operations.reader import Reader
from tsunagu.operations.scope import inventories_in

NOTHING_FOUND = 1


def why(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Request id, message id (of a dead letter: now or before), business key, item id, execution (ARN or "
            "name), or job.",
        ),
    ],
    *,
    stage: Stage = None,
    stack: StackName = None,
    since: Annotated[str, typer.Option(help="How old log lines may be: 90m, 24h, 3d, or a time.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """Print where something is now, what happened to it, the last error with its place, and what can be done.

    Exit code 1: nothing is recorded of it.

    Example: tsunagu why 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --stage dev
    """
    now_ms = int(time.time() * 1_000)
    reader, scope = Reader(Aws()), scope_of(stack, stage)
    places = places_of(reader, inventories_in(reader.aws.cloudformation, scope))
    evidence = gather(reader, places, id_, since_ms=moment_ms("--since", since, now_ms), now_ms=now_ms)
    if as_json:
        typer.echo(json.dumps(why_as_json(evidence), indent=2, default=str, ensure_ascii=False))
    else:
        print_parts(output_console(), why_parts(evidence))
    if not evidence.findings and not evidence.lines:
        raise typer.Exit(NOTHING_FOUND)


def find(
    key: Annotated[str, typer.Option(help="Business key: the text, or the whole number.")],
    *,
    key_space: Annotated[
        list[str] | None,
        typer.Option(help="Key space: `<scope>@<name of the queue>`. Default: those that the tables show."),
    ] = None,
    stage: Stage = None,
    stack: StackName = None,
    as_json: AsJson = False,
) -> None:
    """Print the items of a business key, across all receivers, with their ids and where their messages are.

    Example: tsunagu find --key payment-4711 --stage dev
    """
    now_ms = int(time.time() * 1_000)
    reader, scope = Reader(Aws()), scope_of(stack, stage)
    places = places_of(reader, inventories_in(reader.aws.cloudformation, scope))
    found = {
        (each.table, each.item.id): finding_of_item(each, place, now_ms)
        for place in places
        for each in find_items(reader, place, key, key_space or ())
    }
    for denial in reader.denials():
        typer.echo(denial_line(denial), err=True)
    if not found:
        msg = f"{scope} must have an item of the key {key}, got none: it never arrived, has expired, or has a key space"
        hint = f"{msg} that no item shows (--key-space)"
        raise NotFoundError(hint)
    if as_json:
        documents = [{"table": table, "item_id": item_id, **each.details} for (table, item_id), each in found.items()]
        typer.echo(json.dumps({"items": documents}, indent=2, default=str, ensure_ascii=False))
        return
    for (_, item_id), finding in found.items():
        print_parts(output_console(), item_parts(finding, item_id))
