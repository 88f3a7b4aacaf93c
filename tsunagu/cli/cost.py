"""`tsunagu cost`: what a stack costs a month by the price list."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from tsunagu.cli.options import AsJson
from tsunagu.cli.output import output_console
from tsunagu.cli.reports import reporting
from tsunagu.costs.diff import CostLine, cost_diff, difference_usd
from tsunagu.costs.traffic import Traffic
from tsunagu.errors import InvalidInputError
from tsunagu.operations.graph.sources import synthesized_documents
from tsunagu.templates.template import Template

cost = typer.Typer(help="What stacks cost a month by the price list.", no_args_is_help=True)

ASSUMED = (
    "List prices of us-east-1 in USD, without free tiers. A month has 30 days. Each function with a queue gets all of "
    "the messages, and polls its queue all month; each API gets all of the requests. Left out: what producers pay to "
    "send, storage, data transfer, transitions of state machines, restores of snapshots (SnapStart), metrics that "
    "functions write to their log."
)

_Source = Annotated[
    Path, typer.Argument(help="Template (JSON, YAML), or folder of `cdk synth`, such as `cdk.out`.", show_default=False)
]


@cost.callback()
def _verbs() -> None:
    """Keep `diff` a verb of its own: typer would leave its name out."""


@cost.command("diff")
@reporting
def diff(
    old: _Source,
    new: _Source,
    *,
    messages: Annotated[int, typer.Option(help="Messages a month of each function with a queue.")] = 1_000_000,
    message_bytes: Annotated[int, typer.Option(help="Bytes of one message.")] = 1_024,
    batch: Annotated[
        float | None, typer.Option(help="Messages of an invocation, on average. Default: full batches.")
    ] = None,
    milliseconds: Annotated[float, typer.Option(help="Time of a function for one message.")] = 50.0,
    writes: Annotated[int, typer.Option(help="Items that a receiver's function writes for one message.")] = 0,
    log_bytes: Annotated[int, typer.Option(help="Bytes of log lines for one message.")] = 500,
    requests: Annotated[int, typer.Option(help="Requests a month of each API.")] = 1_000_000,
    stack: Annotated[str | None, typer.Option(help="One stack of both folders. Default: all stacks.")] = None,
    at_most: Annotated[
        float | None, typer.Option(metavar="USD", help="Fail if a month costs more by more than this; for CI.")
    ] = None,
    every_line: Annotated[bool, typer.Option("--all", help="Print what does not change, too.")] = False,
    sources: Annotated[bool, typer.Option("--sources", help="Print where each price was seen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what changes a month between two templates: keys, alarms, schedules, batches, memory.

    Exit code 1: a month costs more by more than `--at-most`; or an error, such as a file that is no template.

    Example: tsunagu cost diff cdk.out.main cdk.out --messages 3000000 --milliseconds 80 --at-most 5
    """
    traffic = Traffic(
        messages=messages,
        message_bytes=message_bytes,
        batch=batch,
        milliseconds=milliseconds,
        writes=writes,
        log_bytes=log_bytes,
        requests=requests,
    )
    lines = cost_diff(_template(old, stack), _template(new, stack), traffic)
    if as_json:
        typer.echo(json.dumps(_document(lines, traffic), indent=2))
    else:
        _print(lines, every_line=every_line, sources=sources)
    _hold(lines, at_most)


def _template(path: Path, stack: str | None) -> Template:
    return Template.link(synthesized_documents(path, stack))


def _print(lines: Sequence[CostLine], *, every_line: bool, sources: bool) -> None:
    console = output_console()
    console.print(_table(lines, every_line=every_line))
    if not any(line.has_changed for line in lines):
        console.print("\nNothing that is counted here changes.")
    console.print(f"\n{ASSUMED}")
    if sources:
        for line in lines:
            console.print(
                f"{line.name}: {line.price.usd:.10g} USD for {line.price.per:,} {line.price.unit}: {line.price.seen}"
            )


def _table(lines: Sequence[CostLine], *, every_line: bool) -> Table:
    """Return a row for each line that changes, or for all of them; the others are one row."""
    table = Table("a month", box=None, pad_edge=False)
    for heading in ("old", "USD", "new", "USD", "difference"):
        table.add_column(heading, justify="right")
    shown = [line for line in lines if every_line or line.has_changed]
    for line in shown:
        label = f"{line.name.partition('.')[0]}: {line.price.unit.removesuffix(', a month')}"
        _add_row(table, label, [line], _units(line.old_units), _units(line.new_units))
    if rest := [line for line in lines if line not in shown]:
        _add_row(table, f"unchanged ({len(rest)}; --all)", rest)
    _add_row(table, "together", lines)
    return table


def _add_row(table: Table, label: str, lines: Sequence[CostLine], old_units: str = "", new_units: str = "") -> None:
    old, new = sum(line.old_usd for line in lines), sum(line.new_usd for line in lines)
    table.add_row(label, old_units, f"{old:.2f}", new_units, f"{new:.2f}", f"{new - old:+.2f}")


def _units(units: float) -> str:
    return f"{units:,.0f}" if units >= 10 or units.is_integer() else f"{units:.2f}"  # noqa: PLR2004 - two digits


def _document(lines: Sequence[CostLine], traffic: Traffic) -> dict[str, Any]:
    return {
        "currency": "USD",
        "traffic": asdict(traffic),
        "old_usd": sum(line.old_usd for line in lines),
        "new_usd": sum(line.new_usd for line in lines),
        "difference_usd": difference_usd(lines),
        "lines": [_line_as_json(line) for line in lines],
    }


def _line_as_json(line: CostLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "unit": line.price.unit,
        "usd": line.price.usd,
        "per": line.price.per,
        "seen": line.price.seen,
        "old_units": line.old_units,
        "old_usd": line.old_usd,
        "new_units": line.new_units,
        "new_usd": line.new_usd,
    }


def _hold(lines: Sequence[CostLine], at_most: float | None) -> None:
    """Raise if a month costs more by more than `at_most`.

    Raises:
        InvalidInputError: It does, or `at_most` is no number, which nothing is more than.
    """
    if at_most is not None and math.isnan(at_most):
        msg = f"--at-most must be a number of USD, got {at_most}"
        raise InvalidInputError(msg)
    more = difference_usd(lines)
    if at_most is not None and round(more, 2) > at_most:
        msg = f"a month may cost at most {at_most:.2f} USD more, got {more:.2f} USD more"
        raise InvalidInputError(msg)
