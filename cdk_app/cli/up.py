"""`tsunagu up`: the embedded cloud, with everything deployed."""

from contextlib import ExitStack

from rich.console import Console

from cdk_app.cli.project import ASSEMBLY_DIRECTORY, CLOUD_DIRECTORY, STAGE, usage_lines
from cdk_app.cli.steps import Steps
from cdk_app.local.embedded_cloud import EmbeddedCloud, synthesize


def up() -> None:
    """Start the embedded cloud in .tsunagu/cloud, deploy the app to it, and say how to use it."""
    console = Console(soft_wrap=True, highlight=False)
    steps = Steps(console)
    with steps.step("Synthesize"):
        assembly = synthesize(STAGE, ASSEMBLY_DIRECTORY)
    with ExitStack() as until_deployed:
        with steps.step("Start the embedded cloud"):
            cloud = until_deployed.enter_context(EmbeddedCloud.start(CLOUD_DIRECTORY))
        with steps.step("Deploy"):
            cloud.deploy(assembly)
        until_deployed.pop_all()
    for line in usage_lines(cloud):
        console.print(line, markup=False)
