"""`python -m cdk_app.demo`: deploy to the embedded cloud, drive every flow, and let the books judge."""

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
from cdk_app.demo.pipeline import OrderPipeline
from cdk_app.demo.receive_once import ReceiveOnce
from cdk_app.demo.report import report_table, write_report
from tsunagu.cli.command import run
from tsunagu.cli.project import ASSEMBLY_DIRECTORY, CLOUD_DIRECTORY, STAGE, STATE_DIRECTORY, usage_lines
from tsunagu.cli.steps import Steps
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

DEMO_CLOUD_DIRECTORY = STATE_DIRECTORY / "demo-cloud"
DEMO_REPORT = STATE_DIRECTORY / "demo.json"
PAYMENT = '{"payment_id": "p-1", "account": "a-1", "amount": 995, "currency": "EUR"}'
ORDER = '{"order_id": "o-1", "customer": "c-1", "lines": [{"sku": "pen", "quantity": 2}], "currency": "EUR"}'
EXAMPLES = (
    f"echo '{PAYMENT}' | tsunagu send payments --file - --queue fifo --stage {STAGE}",
    f"echo '{ORDER}' | tsunagu start orders --file - --stage {STAGE}",
)
FLOWS: Sequence[Flow] = (ReceiveOnce(), OrderPipeline())


def demo(keep: Annotated[bool, typer.Option("--keep", help="Leave the embedded cloud running.")] = False) -> None:
    """Deploy to an embedded cloud, send messages through every flow, kill handlers, and count the effects.

    Writes .tsunagu/demo.json. Fails when a message was lost or doubled, or when nothing was killed. With --keep, the
    cloud takes the place of the one that `tsunagu up` starts.
    """
    console = Console(soft_wrap=True, highlight=False)
    with _termination_as_exit(), ExitStack() as started:
        cloud, reports = _drive(Steps(console), started, CLOUD_DIRECTORY if keep else DEMO_CLOUD_DIRECTORY)
        write_report(DEMO_REPORT, reports)
        console.print(report_table(reports))
        if keep:
            cloud.detach()
            started.pop_all()
            for line in usage_lines(cloud, EXAMPLES):
                console.print(line, markup=False)
    judge(reports, log_path=str(cloud.log_path))


def _drive(steps: Steps, started: ExitStack, cloud_directory: Path) -> tuple[EmbeddedCloud, Mapping[str, FlowReport]]:
    with steps.step("Synthesize"):
        assembly = synthesize(STAGE, ASSEMBLY_DIRECTORY)
    if running := EmbeddedCloud.find(cloud_directory):
        steps.console.print(f"This replaces the embedded cloud that runs at {running.endpoint_url}.")
    with steps.step("Start the embedded cloud, with IAM enforced"):
        cloud = started.enter_context(EmbeddedCloud.start(cloud_directory))
    with steps.step("Deploy"):
        outputs = cloud.deploy(assembly)
    reports = {}
    for flow in FLOWS:
        with steps.step(f"Drive {flow.name}") as tell, _log_named(flow, cloud.log_path):
            reports[flow.name] = flow.run(cloud, outputs, tell)
    return cloud, reports


def judge(reports: Mapping[str, FlowReport], log_path: str) -> None:
    """Accept the reports of all flows, or say what is wrong with the first that did not hold.

    Raises:
        DemoError: A flow has problems.
    """
    for name, report in reports.items():
        if report.problems:
            msg = f"{name} must hold, got {len(report.problems)} problems (all in {DEMO_REPORT}): {report.problems[0]}"
            raise DemoError(msg, log_path)


@contextmanager
def _log_named(flow: Flow, log_path: Path) -> Iterator[None]:
    try:
        yield
    except (DemoError, BotoCoreError, ClientError) as error:
        msg = f"{flow.name} must come to its end, but {error}"
        raise DemoError(msg, str(log_path)) from error


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block like Ctrl-C does, so that what was started is stopped."""

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
