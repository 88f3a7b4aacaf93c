"""`tsunagu init`: makes a new repository with one flow in it."""

from pathlib import Path
from typing import Annotated

import typer

from tsunagu.scaffold import FlowName, PythonVersion, Repository, default_python, project_name

HERE = Path()


def init(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Folder of the repository; it is made if there is none.", show_default="this folder"
        ),
    ] = HERE,
    *,
    flow: Annotated[FlowName, typer.Option(help="What the repository begins with.")] = "receive-once",
    name: Annotated[
        str | None,
        typer.Option(help="Name of the project, which begins the names of its stacks. Default: that of the folder."),
    ] = None,
    python: Annotated[
        PythonVersion | None,
        typer.Option(help="Python of the functions. Default: that of this command, or else 3.13."),
    ] = None,
) -> None:
    """Make a new repository: an app with its stages, a handler, tests, and a workflow for CI.

    Nothing is overwritten: if a file is in the way, nothing is made.

    Example: tsunagu init bookings-desk --flow pipeline
    """
    folder = directory.absolute()
    repository = Repository(
        flow=flow,
        name=project_name(name, folder.name),
        python=python or default_python(),
    )
    written = repository.write(folder)
    typer.echo(f"made {repository.name} in {folder}: {len(written)} files, with the flow {flow}")
    typer.echo("next:")
    for line in _next_commands(directory):
        typer.echo(f"  {line}")


def _next_commands(directory: Path) -> list[str]:
    enter = [] if directory == HERE else [f"cd {directory}"]
    return [
        *enter,
        "make setup    # a virtual environment in .venv, and the pinned CDK CLI",
        "make check    # lint, types, tests",
        "make up       # an embedded cloud on this machine, with the stack in it",
    ]
