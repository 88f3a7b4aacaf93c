"""The command line: its verbs."""

import sys
from collections.abc import Callable

import typer

from tsunagu.cli.capacity import capacity
from tsunagu.cli.cost import cost
from tsunagu.cli.dlq import dlq
from tsunagu.cli.down import down
from tsunagu.cli.env import env
from tsunagu.cli.global_options import global_options, hoisted
from tsunagu.cli.graph import graph
from tsunagu.cli.init import init
from tsunagu.cli.lease import lease
from tsunagu.cli.replay import replay
from tsunagu.cli.reports import reporting
from tsunagu.cli.run_job import run_job
from tsunagu.cli.runs import runs
from tsunagu.cli.send import send
from tsunagu.cli.start import start
from tsunagu.cli.status import status
from tsunagu.cli.trace import trace
from tsunagu.cli.up import up
from tsunagu.cli.why import find, why

app = typer.Typer(
    help="Operate asynchronous messaging on AWS, or on the embedded cloud (AWS_ENDPOINT_URL).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(reporting(global_options))
for verb in (status, why, find, send, start, trace, runs, replay, graph, up, env, down, init, capacity):
    app.command()(reporting(verb))
app.command("run")(reporting(run_job))
app.add_typer(lease, name="lease")
app.add_typer(dlq, name="dlq")
app.add_typer(cost, name="cost")


def main() -> None:
    """Run the command."""
    app(hoisted(sys.argv[1:]))


def run(verb: Callable[..., None]) -> None:
    """Run one verb as a command of its own. An app with a command beside this library uses it.

    Args:
        verb: The verb, with typer's annotations on its parameters.
    """
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(reporting(verb))
    command()
