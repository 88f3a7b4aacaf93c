"""`tsunagu down`: stops the embedded cloud."""

import typer

from tsunagu.cli.project import CLOUD_DIRECTORY
from tsunagu.local.embedded_cloud import EmbeddedCloud


def down() -> None:
    """Stop the embedded cloud that runs in .tsunagu/cloud.

    Example: tsunagu down
    """
    cloud = EmbeddedCloud.attach(CLOUD_DIRECTORY)
    cloud.stop()
    typer.echo(f"stopped the embedded cloud at {cloud.endpoint_url}")
