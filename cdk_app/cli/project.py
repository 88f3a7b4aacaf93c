"""Where the command keeps what it makes in the current project, and how to use a cloud that runs there."""

import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from cdk_app.cli.deployed_stacks import stack_name
from cdk_app.local.embedded_cloud import EmbeddedCloud

STATE_DIRECTORY = Path(".tsunagu")
CLOUD_DIRECTORY = STATE_DIRECTORY / "cloud"
DEMO_CLOUD_DIRECTORY = STATE_DIRECTORY / "demo-cloud"
ASSEMBLY_DIRECTORY = STATE_DIRECTORY / "cdk.out"
DEMO_REPORT = STATE_DIRECTORY / "demo.json"
STAGE = "embedded"
PAYMENT = '{"payment_id": "p-1", "account": "a-1", "amount": 995, "currency": "EUR"}'
ORDER = '{"order_id": "o-1", "customer": "c-1", "lines": [{"sku": "pen", "quantity": 2}], "currency": "EUR"}'
# By stack: what the command reads, and how it is called.
EXAMPLES = {
    "payments": (PAYMENT, "send payments --file - --queue fifo"),
    "order-pipeline": (ORDER, "start orders --file -"),
}


def usage_lines(cloud: EmbeddedCloud, stacks: Collection[str]) -> Iterator[str]:
    """Yield lines that say how to reach and how to stop a running cloud.

    Args:
        cloud: The cloud.
        stacks: Names of the stacks that were deployed to it; what a line shows works with them.
    """
    yield f"The embedded cloud runs at {cloud.endpoint_url}. To use it in this shell:"
    yield f"  export {' '.join(_exports(cloud.environment()))}"
    yield "Then, for example:"
    for part, (content, arguments) in EXAMPLES.items():
        if stack_name(STAGE, part) in stacks:
            yield f"  echo '{content}' | {_command()} {arguments} --stage {STAGE}"
    yield "  aws --endpoint-url $AWS_ENDPOINT_URL sqs list-queues    (version 2 of the AWS CLI needs no --endpoint-url)"
    yield "To stop it:"
    yield f"  {_command()} down"


def _command() -> str:
    """Return what starts this command: its name where the shell finds it, else its path."""
    return "tsunagu" if shutil.which("tsunagu") else sys.argv[0]


def _exports(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if name.startswith("AWS_"):
            yield f"{name}={shlex.quote(value)}"
