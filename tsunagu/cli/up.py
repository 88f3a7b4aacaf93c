"""`tsunagu up`: starts the embedded cloud, and deploys the app to it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tsunagu.cli.deployed_lines import output_lines, platform_warnings, stage_lines
from tsunagu.cli.project import ASSEMBLY_DIRECTORY, CLOUD_DIRECTORY, STAGE
from tsunagu.cli.steps import Steps
from tsunagu.cli.usage import example_lines, usage_lines
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize
from tsunagu.local.function_platforms import foreign_functions, machine_platform
from tsunagu.templates.assembly import read_documents, stack_templates

LARGEST_PORT = 65_535


def up(
    *,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=LARGEST_PORT, help="Port of 127.0.0.1 that the cloud listens on. Default: a free one."),
    ] = None,
) -> None:
    """Start the embedded cloud in .tsunagu/cloud, deploy the app to it, and say how to use it.

    The app is what cdk.json names. It gets the context stage=embedded, and must then make its functions for the
    Python and processor of this machine, and name no account or that of CDK_DEFAULT_ACCOUNT.

    When the cloud runs already, the app is deployed to it again.

    Example: tsunagu up --port 4566
    """
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    steps = Steps(console)
    _print(console, stage_lines(STAGE, machine_platform()))
    with steps.step("Synthesize"):
        assembly = synthesize(STAGE, ASSEMBLY_DIRECTORY)
    _warn(assembly)
    with steps.step("Start the embedded cloud"):
        cloud = EmbeddedCloud.start(CLOUD_DIRECTORY, fresh=False, port=port)
    with steps.step("Deploy"):
        outputs = cloud.deploy(assembly)
    cloud.detach()  # before this line the cloud ends with this command, so that a failure leaves no cloud behind
    documents = read_documents(map(str, stack_templates(assembly)))
    examples = example_lines(outputs, STAGE, documents)
    _print(console, [*output_lines(outputs, cloud.endpoint_url), *usage_lines(cloud, examples)])


def _warn(assembly: Path) -> None:
    machine = machine_platform()
    console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    _print(console, platform_warnings(foreign_functions(assembly, machine), machine))


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False)
