"""The command line: its verbs, and how it reports errors."""

import sys
from collections.abc import Callable

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from tsunagu.cli.down import down
from tsunagu.cli.lease import lease
from tsunagu.cli.replay import replay
from tsunagu.cli.run_job import run_job
from tsunagu.cli.send import send
from tsunagu.cli.start import start
from tsunagu.cli.trace import trace
from tsunagu.cli.up import up
from tsunagu.errors import TsunaguError

app = typer.Typer(
    help="Operate asynchronous messaging on AWS, or on the embedded cloud (AWS_ENDPOINT_URL).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (send, start, trace, replay, up, down):
    app.command()(verb)
app.command("run")(run_job)
app.add_typer(lease, name="lease")


@app.callback()
def _verbs() -> None:
    """Require the name of a verb, which typer drops when there is only one."""


def main() -> None:
    """Run the command."""
    _report_errors(app)


def run(verb: Callable[..., None]) -> None:
    """Run one verb as a command of its own. An app with a command beside this library uses it.

    Args:
        verb: The verb, with typer's annotations on its parameters.
    """
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(verb)
    _report_errors(command)


def _report_errors(command: typer.Typer) -> None:
    """Run a command. An error is one sentence on standard error, and exit code 1."""
    try:
        command()
    except TsunaguError as error:
        _fail(str(error), getattr(error, "log_path", None))
    except (BotoCoreError, ClientError) as error:
        _fail(
            f"AWS must answer the command's calls, got: {error} (`tsunagu up` prints how to reach the embedded cloud)"
        )


def _fail(sentence: str, log_path: str | None = None) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    console.print(f"error: {sentence}")
    if log_path is not None and log_path not in sentence:
        console.print(f"log: {log_path}")
    sys.exit(1)
