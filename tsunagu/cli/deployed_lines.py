"""Says what an app gets from `tsunagu up`, what does not fit this machine, and what was deployed."""

import re
from collections.abc import Iterator, Mapping, Sequence

from tsunagu.local.cdk_command import STAGE
from tsunagu.local.embedded_cloud import StackOutputs
from tsunagu.local.function_platforms import FunctionPlatform

FUNCTIONS_SHOWN = 5
# The address that a stack has as its output. It leads to AWS, and never here.
_API_URL = re.compile(r"https://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/?(?P<path>.*)")
_DEFAULT_STAGE = "$default"


def stage_lines(stage: str, machine: FunctionPlatform) -> Iterator[str]:
    """Yield what an app gets, and what it must do with it.

    Args:
        stage: Value of `stage` in the context.
        machine: Platform of this machine.
    """
    yield (
        f"The app gets the context {STAGE}={stage}. There its functions must be for {machine}, and its stacks for no "
        "account, or for CDK_DEFAULT_ACCOUNT."
    )


def platform_warnings(foreign: Mapping[FunctionPlatform, Sequence[str]], machine: FunctionPlatform) -> Iterator[str]:
    """Yield a warning for each platform of functions that is not this machine's.

    Args:
        foreign: Functions by the platform that they are made for.
        machine: Platform of this machine.
    """
    for made_for, functions in sorted(foreign.items()):
        shown = ", ".join(functions[:FUNCTIONS_SHOWN])
        more = f" and {len(functions) - FUNCTIONS_SHOWN} more" if len(functions) > FUNCTIONS_SHOWN else ""
        yield (
            f"warning: functions must be for {machine} on the embedded cloud, got {made_for}: {shown}{more}. "
            "Their packages with compiled code fail here"
        )


def output_lines(outputs: StackOutputs, endpoint_url: str) -> Iterator[str]:
    """Yield the outputs of each stack. An API has its address on this machine too.

    Args:
        outputs: Outputs by stack name.
        endpoint_url: Address of the embedded cloud.
    """
    named = [(f"{stack}.{name}", value) for stack, found in sorted(outputs.items()) for name, value in found.items()]
    if named:
        yield "Outputs:"
    for name, value in named:
        here = _address_here(value, endpoint_url)
        yield f"{name} = {value}" + (f" (here: {here})" if here else "")


def _address_here(value: str, endpoint_url: str) -> str | None:
    found = _API_URL.fullmatch(value)
    return found and f"{endpoint_url}/_aws/execute-api/{found['api']}/{found['path'] or _DEFAULT_STAGE}"
