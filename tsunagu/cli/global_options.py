"""Options of every verb: which account and region, and how errors are printed. They may stand anywhere in a line."""

import os
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import boto3
import typer

from tsunagu.cli.reports import debug as debug_errors

WITH_VALUE = ("--profile", "--region", "--endpoint-url")
WITHOUT_VALUE = ("--debug", "--version")


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"tsunagu {metadata.version('tsunagu')}")
        raise typer.Exit


def global_options(
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Endpoint of every service, such as that of the embedded cloud.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand for all verbs."""
    del version  # printed by its callback
    debug_errors.set(debug)
    if endpoint_url is not None:
        os.environ["AWS_ENDPOINT_URL"] = endpoint_url
    is_other = _choose_region(region or os.environ.get("AWS_REGION"))
    if profile is not None:
        os.environ["AWS_PROFILE"] = profile
    if profile is not None or is_other:
        boto3.setup_default_session()  # one that was made before knows nothing of them


def _choose_region(region: str | None) -> bool:
    """Let boto3 use a region, and return whether it was another. It does not read AWS_REGION, as other tools do."""
    if not region:
        return False
    is_other = os.environ.get("AWS_DEFAULT_REGION") != region
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    return is_other


def hoisted(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command line with the global options first, where the parser expects them.

    What follows `--` stays where it is.
    """
    rest = [*arguments]
    first: list[str] = []
    last: list[str] = []
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*first, *last, argument, *rest]
        name, _, value = argument.partition("=")
        if argument in WITHOUT_VALUE or (name in WITH_VALUE and value):
            first.append(argument)
        elif argument in WITH_VALUE and rest:
            first += [argument, rest.pop(0)]
        else:
            last.append(argument)
    return [*first, *last]
