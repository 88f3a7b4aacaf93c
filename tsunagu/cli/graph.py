"""`tsunagu graph`: draws the flow of a stack."""

import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.cli.options import StackName, Stage
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.graph.drawing.svg import svg
from tsunagu.operations.graph.live import with_depths
from tsunagu.operations.graph.mermaid import mermaid
from tsunagu.operations.graph.model import Graph
from tsunagu.operations.graph.reading import Shown, graph_of
from tsunagu.operations.graph.sources import deployed_documents, synthesized_documents
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.scope import find_stack_in


class Format(StrEnum):
    """How a graph is written."""

    SVG = "svg"
    MERMAID = "mermaid"


_WRITERS: Mapping[Format, Callable[[Graph], str]] = {Format.SVG: svg, Format.MERMAID: mermaid}


def graph(
    stack_argument: Annotated[
        str | None,
        typer.Argument(metavar="STACK", help="The stack, by its whole name or its own part of it."),
    ] = None,
    *,
    written_as: Annotated[Format, typer.Option("--format", help="SVG, or a flow chart of Mermaid.")] = Format.SVG,
    template: Annotated[
        Path | None,
        typer.Option(
            help="Template (JSON, YAML), or folder of `cdk synth`. Default: the template of the deployed stack."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write. Default: standard output, which must be no terminal for SVG.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Show how many messages each deployed queue holds.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Show which key encrypts each resource.")] = False,
    permissions: Annotated[
        bool, typer.Option("--permissions", help="Show what the role of each resource may do with the others.")
    ] = False,
    stage: Stage = None,
    stack: StackName = None,
) -> None:
    """Draw the flow of a stack: what leads where, and what happens to dead letters.

    Works on every stack, also on one that was not made with this library. One template gives one picture.

    Example: tsunagu graph payments --stage dev --live --output payments.svg

    Example: tsunagu graph --template cdk.out --format mermaid
    """
    if stack_argument is not None and stack is not None:
        msg = "either STACK or --stack must name the stack, got both"
        raise CommandError(msg)
    name, shown = stack_argument or stack, Shown(keys=keys, permissions=permissions)
    drawn = (
        _deployed(name, stage, shown, live=live) if template is None else _synthesized(template, name, shown, live=live)
    )
    if output is None and written_as is Format.SVG and sys.stdout.isatty():
        msg = "--output must name a file for an SVG, got a terminal: name one, or give --format mermaid"
        raise CommandError(msg)
    text = _WRITERS[written_as](drawn)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)


def _synthesized(template: Path, stack: str | None, shown: Shown, *, live: bool) -> Graph:
    if live:
        msg = "--live must be without --template, because a template has no messages, got both"
        raise CommandError(msg)
    return graph_of(synthesized_documents(template, stack), shown)


def _deployed(name: str | None, stage: str | None, shown: Shown, *, live: bool) -> Graph:
    if name is None:
        msg = "STACK must name a deployed stack, or --template a template, got neither"
        raise CommandError(msg)
    aws = Aws()
    inventory = read_inventory(aws.cloudformation, find_stack_in(aws.cloudformation, name, stage))
    drawn = graph_of(deployed_documents(aws.cloudformation, inventory), shown)
    return with_depths(drawn, aws.sqs, inventory) if live else drawn


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"--output must name a file that can be written, got {output} ({error.strerror})"
        raise CommandError(msg) from None
