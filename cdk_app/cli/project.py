"""Where the command keeps what it makes in the current project, and how to use a cloud that runs there."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from cdk_app.local.embedded_cloud import EmbeddedCloud

STATE_DIRECTORY = Path(".tsunagu")
CLOUD_DIRECTORY = STATE_DIRECTORY / "cloud"
DEMO_CLOUD_DIRECTORY = STATE_DIRECTORY / "demo-cloud"
ASSEMBLY_DIRECTORY = STATE_DIRECTORY / "cdk.out"
DEMO_REPORT = STATE_DIRECTORY / "demo.json"
STAGE = "embedded"


def usage_lines(cloud: EmbeddedCloud) -> Iterator[str]:
    """Yield lines that say how to reach and how to stop a running cloud."""
    yield f"The embedded cloud runs at {cloud.endpoint_url}. To use it in this shell:"
    yield f"  export {' '.join(_exports(cloud.environment()))}"
    yield "Then, for example:"
    yield f"  tsunagu send payments --file payments.jsonl --queue fifo --stage {STAGE}"
    yield "  aws sqs list-queues"
    yield "To stop it:"
    yield "  tsunagu down"


def _exports(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if name.startswith("AWS_"):
            yield f"{name}={shlex.quote(value)}"
