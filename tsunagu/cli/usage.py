"""Says how to use an embedded cloud that runs, with lines for a shell."""

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tsunagu.cli.flow_examples import FlowExamples, flows_of
from tsunagu.contracts.requests import API_NAME_OUTPUT
from tsunagu.contracts.schedules import JOB_NAME_OUTPUT
from tsunagu.local.embedded_cloud import EmbeddedCloud, StackOutputs
from tsunagu.operations.channels import channels_of
from tsunagu.operations.deployed_stacks import DeployedStack, stack_name_prefix
from tsunagu.operations.pipelines import PIPELINE_OUTPUT
from tsunagu.templates.references import Document

# Placeholders: the app's own messages, requests and fields are not known here.
MESSAGES_FILE, REQUEST_FILE, GROUP_FIELD = "messages.jsonl", "request.json", "FIELD"
NO_FLOWS = FlowExamples(pipelines=[], jobs=[], queues={})


def usage_lines(cloud: EmbeddedCloud, examples: Iterable[str]) -> Iterator[str]:
    """Yield lines that say how to reach, use and stop a running cloud.

    Args:
        cloud: The cloud.
        examples: Lines for a shell that use what was deployed.
    """
    yield f"The embedded cloud runs at {cloud.endpoint_url}. To use it in this shell:"
    yield f"  {export_line(cloud)}"
    yield f'Or, in any shell in this folder: eval "$({tsunagu_command()} env)"'
    yield "Then, for example:"
    for example in examples:
        yield f"  {example}"
    yield f"  {tsunagu_command()} status    # what waits, and what needs a person"
    yield "  aws --endpoint-url $AWS_ENDPOINT_URL sqs list-queues    (version 2 of the AWS CLI needs no --endpoint-url)"
    yield "To stop it:"
    yield f"  {tsunagu_command()} down"


def export_line(cloud: EmbeddedCloud) -> str:
    """Return the line that makes a shell use a running cloud."""
    return f"export {' '.join(_exports(cloud.environment()))}"


def example_lines(outputs: StackOutputs, stage: str, documents: Iterable[Document] = ()) -> Iterator[str]:
    """Yield a line that starts a request of each pipeline or a run of each job, and one that sends to each other queue.

    The queues of a pipeline, a job or an API of requests are left out: their functions take messages of these only.

    Args:
        outputs: Outputs of the deployed stacks, by stack name.
        stage: Stage of the app.
        documents: Templates of the stacks, for those without outputs that say what they have. Default: none.
    """
    flows = flows_of(documents)
    for name in sorted({*outputs, *flows}):
        stack = DeployedStack(name=name, outputs=outputs.get(name, {}))
        lines = _lines(stack, flows.get(name, NO_FLOWS), stage)
        # Lines that are pasted together have no room for a question: the next line would be its answer.
        consent = "--yes --force" if name in flows and flows[name].is_protected else "--yes"
        yield from (f"{line} {consent}" for line in lines)


def _lines(stack: DeployedStack, flows: FlowExamples, stage: str) -> Iterator[str]:
    pipelines = _each_once(stack.outputs.get(PIPELINE_OUTPUT), flows.pipelines)
    jobs = _each_once(stack.outputs.get(JOB_NAME_OUTPUT), flows.jobs)
    yield from (_start_line(stack, pipeline, stage) for pipeline in pipelines)
    yield from (_run_line(stack, job, stage) for job in jobs)
    # Outputs do not say which queues are inside of a flow.
    has_inside = pipelines or jobs or API_NAME_OUTPUT in stack.outputs
    by_output = {} if has_inside else {channel.name: channel.is_fifo for channel in channels_of(stack)}
    yield from (_send_line(stack, name, stage, fifo=fifo) for name, fifo in (by_output or flows.queues).items())


def _each_once(output: str | None, names: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(each for each in (output, *names) if each)]


def _start_line(stack: DeployedStack, pipeline: str, stage: str) -> str:
    return f"{tsunagu_command()} start {pipeline} --file {REQUEST_FILE} {_place(stack, stage)}"


def _run_line(stack: DeployedStack, job: str, stage: str) -> str:
    return f"{tsunagu_command()} run {job} {_place(stack, stage)}"


def _send_line(stack: DeployedStack, queue: str, stage: str, *, fifo: bool) -> str:
    group_by = f" --group-by {GROUP_FIELD}" if fifo else ""
    part = stack.name.removeprefix(stack_name_prefix(stage))
    own = "" if part == stack.name else f"{part} "
    options = f"--queue {queue}{group_by} --file {MESSAGES_FILE}"
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
