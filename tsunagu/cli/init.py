"""`tsunagu init`: makes a new repository with one flow in it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.scaffold import FLOWS, PYTHONS, Repository, default_python, project_name

# typer shows the values of an enumeration, and refuses others.
FlowName = StrEnum("FlowName", {name.replace("-", "_").upper(): name for name in FLOWS})  # type: ignore[misc]
DEFAULT_FLOW = FlowName("receive-once")
HERE = Path()
PythonVersion = StrEnum("PythonVersion", {f"PYTHON_{python.replace('.', '_')}": python for python in PYTHONS})  # type: ignore[misc]


def init(
    directory: Annotated[
        Path, typer.Argument(help="Folder of the repository; it is made if there is none.", show_default="this folder")
    ] = HERE,
    *,
    flow: Annotated[FlowName, typer.Option(help="What the repository begins with.")] = DEFAULT_FLOW,
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
        flow=flow.value,
        name=project_name(name, folder.name),
        python=python.value if python is not None else default_python(),
    )
    written = repository.write(folder)
    typer.echo(f"made {repository.name} in {folder}: {len(written)} files, with the flow {flow.value}")
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
