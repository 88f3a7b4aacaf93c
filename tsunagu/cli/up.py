"""`tsunagu up`: starts the embedded cloud, and deploys the app to it."""

from rich.console import Console

from tsunagu.cli.project import ASSEMBLY_DIRECTORY, CLOUD_DIRECTORY, STAGE
from tsunagu.cli.steps import Steps
from tsunagu.cli.usage import example_lines, usage_lines
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize


def up() -> None:
    """Start the embedded cloud in .tsunagu/cloud, deploy the app to it, and say how to use it.

    When it runs already, the app is deployed to it again.
    """
    console = Console(soft_wrap=True, highlight=False)
    steps = Steps(console)
    with steps.step("Synthesize"):
        assembly = synthesize(STAGE, ASSEMBLY_DIRECTORY)
    with steps.step("Start the embedded cloud"):
        cloud = EmbeddedCloud.start(CLOUD_DIRECTORY, fresh=False)
    with steps.step("Deploy"):
        outputs = cloud.deploy(assembly)
    cloud.detach()  # before this line the cloud ends with this command, so that a failure leaves no cloud behind
    for line in usage_lines(cloud, example_lines(outputs, STAGE)):
        console.print(line, markup=False)
