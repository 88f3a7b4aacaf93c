"""Where the command keeps what it makes in the current project, and how to use a cloud that runs there."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from cdk_app.local.embedded_cloud import EmbeddedCloud

STATE_DIRECTORY = Path(".tsunagu")
CLOUD_DIRECTORY = STATE_DIRECTORY / "cloud"
DEMO_CLOUD_DIRECTORY = STATE_DIRECTORY / "demo-cloud"
ASSEMBLY_DIRECTORY = STATE_DIRECTORY / "cdk.out"
DEMO_REPORT = STATE_DIRECTORY / "demo.json"
STAGE = "embedded"
PAYMENT = '{"payment_id": "p-1", "account": "a-1", "amount": 995, "currency": "EUR"}'


def usage_lines(cloud: EmbeddedCloud) -> Iterator[str]:
    """Yield lines that say how to reach and how to stop a running cloud."""
    yield f"The embedded cloud runs at {cloud.endpoint_url}. To use it in this shell:"
    yield f"  export {' '.join(_exports(cloud.environment()))}"
    yield "Then, for example:"
    yield f"  echo '{PAYMENT}' | {_command()} send payments --file - --queue fifo --stage {STAGE}"
    yield "  aws sqs list-queues"
    yield "To stop it:"
    yield f"  {_command()} down"


def _command() -> str:
    """Return what starts this command: its name where the shell finds it, else its path."""
    return "tsunagu" if shutil.which("tsunagu") else sys.argv[0]


def _exports(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if name.startswith("AWS_"):
            yield f"{name}={shlex.quote(value)}"
