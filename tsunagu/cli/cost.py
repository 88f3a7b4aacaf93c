"""`tsunagu cost`: what a stack costs a month by the price list."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from tsunagu.cli.output import output_console
from tsunagu.cli.reports import reporting
from tsunagu.costs.diff import CostLine, cost_diff
from tsunagu.costs.traffic import Traffic
from tsunagu.operations.graph.sources import synthesized_documents
from tsunagu.templates.template import Template

cost = typer.Typer(help="What stacks cost a month by the price list.", no_args_is_help=True)

ASSUMED = (
    "List prices of us-east-1, without free tiers. A month has 30 days. Each function with a queue gets all of the "
    "messages, in full batches, and polls its queue all month. Left out: what producers pay to send, storage, data "
    "transfer, requests of APIs, transitions of state machines."
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
    milliseconds: Annotated[float, typer.Option(help="Time of a function for one message.")] = 50.0,
    log_bytes: Annotated[int, typer.Option(help="Bytes of log lines for one message.")] = 500,
    stack: Annotated[str | None, typer.Option(help="One stack of both folders. Default: all stacks.")] = None,
    sources: Annotated[bool, typer.Option("--sources", help="Print where each price was seen.")] = False,
) -> None:
    """Print what changes a month between two templates: keys, alarms, schedules, batches, memory.

    Example: tsunagu cost diff cdk.out.main cdk.out --messages 3000000 --milliseconds 80
    """
    traffic = Traffic(messages=messages, milliseconds=milliseconds, log_bytes=log_bytes)
    lines = cost_diff(_template(old, stack), _template(new, stack), traffic)
    console = output_console()
    console.print(_table(lines))
    console.print(f"\n{ASSUMED}")
    if sources:
        for line in lines:
            console.print(
                f"{line.name}: {line.price.usd:.10g} USD for {line.price.per:,} {line.price.unit}: {line.price.seen}"
            )


def _template(path: Path, stack: str | None) -> Template:
    return Template.link(synthesized_documents(path, stack))


def _table(lines: Sequence[CostLine]) -> Table:
    table = Table("a month", box=None)
    for heading in ("old", "USD", "new", "USD", "difference"):
        table.add_column(heading, justify="right")
    for line in lines:
        old, new = line.old_usd, line.new_usd
        label = f"{line.name.partition('.')[0]}: {line.price.unit}"
        table.add_row(
            label, _units(line.old_units), f"{old:.2f}", _units(line.new_units), f"{new:.2f}", f"{new - old:+.2f}"
        )
    old, new = sum(line.old_usd for line in lines), sum(line.new_usd for line in lines)
    table.add_row("together", "", f"{old:.2f}", "", f"{new:.2f}", f"{new - old:+.2f}")
    return table


def _units(units: float) -> str:
    return f"{units:,.0f}" if units >= 10 or units.is_integer() else f"{units:.2f}"  # noqa: PLR2004 - two digits
