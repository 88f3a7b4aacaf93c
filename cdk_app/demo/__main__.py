"""`python -m cdk_app.demo`: deploys to the embedded cloud, drives every flow, and checks the effects."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import Flow, FlowReport
from cdk_app.demo.flows import FLOWS
from cdk_app.demo.report import report_table, write_report
from tsunagu.cli.command import run
from tsunagu.cli.project import ASSEMBLY_DIRECTORY, CLOUD_DIRECTORY, STAGE, STATE_DIRECTORY
from tsunagu.cli.steps import Steps
from tsunagu.cli.usage import tsunagu_command, usage_lines
from tsunagu.errors import OperationError
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

DEMO_CLOUD_DIRECTORY = STATE_DIRECTORY / "demo-cloud"
DEMO_REPORT = STATE_DIRECTORY / "demo.json"


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the embedded cloud running.")] = False,
    only: Annotated[
        str | None, typer.Option("--flow", metavar="NAME", help="Drive this flow only. Default: every flow.")
    ] = None,
) -> None:
    """Deploy to an embedded cloud, send messages through every flow, kill handlers, and count the effects.

    Writes .tsunagu/demo.json. Fails when a message was lost or doubled, or when no handler was killed. With --keep, the
    cloud replaces the one that `tsunagu up` starts.
    """
    flows = chosen_flows(only)
    console = Console(soft_wrap=True, highlight=False)
    with _termination_as_exit(), ExitStack() as started:
        cloud, reports = _drive(flows, Steps(console), started, CLOUD_DIRECTORY if keep else DEMO_CLOUD_DIRECTORY)
        write_report(DEMO_REPORT, reports)
        console.print(report_table(reports))
        if keep:
            cloud.detach()
            started.pop_all()
            for line in usage_lines(cloud, example_lines()):
                console.print(line, markup=False)
    judge(reports, log_path=str(cloud.log_path))


def chosen_flows(name: str | None) -> Sequence[Flow]:
    """Return the flow of this name, or every flow without a name.

    Raises:
        DemoError: There is no flow of this name.
    """
    chosen = [flow for flow in FLOWS if name in {None, flow.name}]
    if not chosen:
        msg = f"--flow must be one of {', '.join(flow.name for flow in FLOWS)}, got {name}"
        raise DemoError(msg)
    return chosen


def example_lines() -> list[str]:
    """Return lines for a shell, which use each deployed flow once."""
    return [line.replace("{tsunagu}", tsunagu_command()) for flow in FLOWS for line in flow.examples]


def judge(reports: Mapping[str, FlowReport], log_path: str) -> None:
    """Raise an error when a report has problems.

    Raises:
        DemoError: A flow has problems; the message names the first.
    """
    for name, report in reports.items():
        if report.problems:
            msg = (
                f"{name} must end without a problem, "
                f"got {len(report.problems)} (all in {DEMO_REPORT}): {report.problems[0]}"
            )
            raise DemoError(msg, log_path)


def _drive(
    flows: Sequence[Flow], steps: Steps, started: ExitStack, cloud_directory: Path
) -> tuple[EmbeddedCloud, Mapping[str, FlowReport]]:
    with steps.step("Synthesize"):
        assembly = synthesize(STAGE, ASSEMBLY_DIRECTORY)
    if running := EmbeddedCloud.find(cloud_directory):
        steps.console.print(f"This replaces the embedded cloud that runs at {running.endpoint_url}.")
    with steps.step("Start the embedded cloud, with IAM enforced"):
        cloud = started.enter_context(EmbeddedCloud.start(cloud_directory))
    with steps.step("Deploy"):
        outputs = cloud.deploy(assembly)
    reports = {}
    for flow in flows:
        with steps.step(f"Drive {flow.name}") as progress, _log_named(flow, cloud.log_path):
            reports[flow.name] = flow.run(cloud, outputs, progress)
    return cloud, reports


@contextmanager
def _log_named(flow: Flow, log_path: Path) -> Iterator[None]:
    """Let errors of a flow name the flow, and the log of the embedded cloud."""
    try:
        yield
    except (DemoError, OperationError, BotoCoreError, ClientError) as error:
        msg = f"{flow.name} did not end: {error}"
        raise DemoError(msg, str(log_path)) from error


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that everything that was started is stopped."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    run(demo)
