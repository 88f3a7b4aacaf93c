"""Where the command keeps what it makes in the current project, and how to use a cloud that runs there."""

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tsunagu.local.embedded_cloud import EmbeddedCloud

STATE_DIRECTORY = Path(".tsunagu")
CLOUD_DIRECTORY = STATE_DIRECTORY / "cloud"
ASSEMBLY_DIRECTORY = STATE_DIRECTORY / "cdk.out"
STAGE = "embedded"


def usage_lines(cloud: EmbeddedCloud, examples: Iterable[str] = ()) -> Iterator[str]:
    """Yield lines that say how to reach and how to stop a running cloud.

    Args:
        cloud: The cloud.
        examples: Shell lines that work with what was deployed. Default: none of the app's own.
    """
    yield f"The embedded cloud runs at {cloud.endpoint_url}. To use it in this shell:"
    yield f"  export {' '.join(_exports(cloud.environment()))}"
    yield "Then, for example:"
    for example in examples:
        yield f"  {example}"
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
