"""`tsunagu env`: prints the variables with which a shell uses the embedded cloud."""

import typer

from tsunagu.cli.project import CLOUD_DIRECTORY
from tsunagu.cli.usage import export_line
from tsunagu.local.embedded_cloud import EmbeddedCloud


def env() -> None:
    """Print the line that makes a shell use the embedded cloud in .tsunagu/cloud.

    Example: eval "$(tsunagu env)"
    """
    typer.echo(export_line(EmbeddedCloud.attach(CLOUD_DIRECTORY)))
