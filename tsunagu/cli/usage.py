"""Says how to use an embedded cloud that runs, with lines for a shell."""

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tsunagu.contracts.requests import API_NAME_OUTPUT
from tsunagu.contracts.schedules import JOB_NAME_OUTPUT
from tsunagu.local.embedded_cloud import EmbeddedCloud, StackOutputs
from tsunagu.operations.channels import Channel, channels_of
from tsunagu.operations.deployed_stacks import DeployedStack, stack_name_prefix
from tsunagu.operations.pipelines import PIPELINE_OUTPUT

# Placeholders: the app's own messages, requests and fields are not known here.
MESSAGES_FILE, REQUEST_FILE, GROUP_FIELD = "messages.jsonl", "request.json", "FIELD"


def usage_lines(cloud: EmbeddedCloud, examples: Iterable[str]) -> Iterator[str]:
    """Yield lines that say how to reach, use and stop a running cloud.

    Args:
        cloud: The cloud.
        examples: Lines for a shell that use what was deployed.
    """
    yield f"The embedded cloud runs at {cloud.endpoint_url}. To use it in this shell:"
    yield f"  export {' '.join(_exports(cloud.environment()))}"
    yield "Then, for example:"
    for example in examples:
        yield f"  {example}"
    yield f"  {tsunagu_command()} status    (what waits, and what needs a person)"
    yield "  aws --endpoint-url $AWS_ENDPOINT_URL sqs list-queues    (version 2 of the AWS CLI needs no --endpoint-url)"
    yield "To stop it:"
    yield f"  {tsunagu_command()} down"


def example_lines(outputs: StackOutputs, stage: str) -> Iterator[str]:
    """Yield a line that starts a request of each pipeline or a run of each job, and one that sends to each other queue.

    The queues of a pipeline, a job or an API of requests are left out: their functions take messages of these only.

    Args:
        outputs: Outputs of the deployed stacks, by stack name.
        stage: Stage of the app.
    """
    for name, outputs_of_stack in sorted(outputs.items()):
        stack = DeployedStack(name=name, outputs=outputs_of_stack)
        if pipeline := stack.outputs.get(PIPELINE_OUTPUT):
            yield f"{tsunagu_command()} start {pipeline} --file {REQUEST_FILE} {_place(stack, stage)}"
        elif job := stack.outputs.get(JOB_NAME_OUTPUT):
            yield f"{tsunagu_command()} run {job} {_place(stack, stage)}"
        elif API_NAME_OUTPUT not in stack.outputs:
            yield from (_send_line(stack, channel, stage) for channel in channels_of(stack))


def _send_line(stack: DeployedStack, channel: Channel, stage: str) -> str:
    group_by = f" --group-by {GROUP_FIELD}" if channel.is_fifo else ""
    part = stack.name.removeprefix(stack_name_prefix(stage))
    own = "" if part == stack.name else f"{part} "
    options = f"--queue {channel.name}{group_by} --file {MESSAGES_FILE}"
    return f"{tsunagu_command()} send {own}{options} {_place(stack, stage)}"


def _place(stack: DeployedStack, stage: str) -> str:
    """Return the option that names the stage of a stack; for a stack without one in its name, the stack."""
    has_stage = stack.name.startswith(stack_name_prefix(stage))
    return f"--stage {stage}" if has_stage else f"--stack {stack.name}"


def tsunagu_command() -> str:
    """Return what starts the command `tsunagu`: its name where the shell finds it, else its path beside Python."""
    return "tsunagu" if shutil.which("tsunagu") else str(Path(sys.executable).with_name("tsunagu"))


def _exports(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if name.startswith("AWS_"):
            yield f"{name}={shlex.quote(value)}"
