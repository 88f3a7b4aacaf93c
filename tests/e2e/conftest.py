"""One embedded cloud and one deployment for all end-to-end tests, with IAM enforced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_app.demo.flow import outputs_of
from cdk_app.demo.inbox import Inbox
from cdk_app.demo.load import LoadShape, plan_messages
from cdk_app.demo.logs import log_lines
from cdk_app.demo.pipeline import STACK_NAME
from cdk_app.demo.receive_once import ReceiveOnce
from tests.clouds import shared_cloud
from tests.e2e.deployed import Deployment, Run
from tests.e2e.job_desk import JobDesk
from tests.e2e.job_stack import STACK_NAME as JOB_STACK_NAME
from tests.e2e.job_stack import synthesize_job
from tests.e2e.order_desk import OrderDesk
from tests.e2e.order_run import OrderRun, run_orders
from tests.e2e.pipeline_faults import PipelineFaults, see_pipeline_faults
from tests.e2e.report_desk import ReportDesk
from tests.e2e.report_run import SHAPE, ReportRun, run_reports
from tests.e2e.reports_app import STACK_NAME as REPORTS_STACK
from tests.e2e.reports_app import synthesize_reports
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.local.embedded_cloud import synthesize
from tsunagu.operations.queues import count_messages

PROJECT = Path(__file__).parents[2]
FLOW = ReceiveOnce(
    seed=2026, shape=LoadShape(messages=250, accounts=20, copied_share=0.05, invalid_share=0.01), kills=3
)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("embedded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        with pytest.MonkeyPatch.context() as quick:
            for name, value in WITHOUT_VALIDATION.items():
                quick.setenv(name, value)
            assembly = synthesize("embedded", directory / "cdk.out")
        with shared_cloud(directory / "cloud") as cloud:
            yield Deployment(cloud=cloud, assembly=assembly, outputs=cloud.deploy(assembly))


@pytest.fixture(scope="session")
def run(deployment: Deployment) -> Run:
    """The load of 250 messages a queue, driven with three kills a queue and drained."""
    inbox = Inbox.subscribe(deployment.cloud, deployment.payments["NotificationTopicArn"], "notified")
    report = FLOW.run(deployment.cloud, deployment.outputs, lambda _: None)
    return Run(
        report=report,
        loads={queue.name: plan_messages(FLOW.seed, queue.name, FLOW.shape) for queue in deployment.queues},
        table=deployment.table(),
        dead_letters={queue.name: deployment.dead_letters(queue) for queue in deployment.queues},
        notifications=inbox.read(),
        items=deployment.idempotency_items(),
        log_lines=[text for queue in deployment.queues for text in log_lines(deployment.cloud, queue.function_name)],
        left_in_queues=[count_messages(deployment.cloud.client("sqs"), queue.queue_url) for queue in deployment.queues],
    )


@pytest.fixture(scope="session")
def settled(deployment: Deployment, run: Run) -> Deployment:
    """The deployment after the load has been processed, for tests that send messages of their own."""
    return deployment


@pytest.fixture(scope="session")
def order_desk(deployment: Deployment) -> OrderDesk:
    return OrderDesk(deployment.cloud, outputs_of(deployment.outputs, STACK_NAME))


@pytest.fixture(scope="session")
def order_run(order_desk: OrderDesk) -> OrderRun:
    """Two hundred orders under every fault, redriven, and twenty of them replayed from each step."""
    return run_orders(order_desk)


@pytest.fixture(scope="session")
def settled_desk(order_desk: OrderDesk, order_run: OrderRun) -> OrderDesk:
    """The order desk after the orders have been processed, for tests that place others."""
    return order_desk


@pytest.fixture(scope="session")
def pipeline_faults(settled_desk: OrderDesk) -> PipelineFaults:
    """How the pipeline behaves without permissions, and with damaged objects."""
    return see_pipeline_faults(settled_desk)


@pytest.fixture(scope="session")
def job(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> JobDesk:
    """A scheduled job, on the cloud of the app."""
    assembly = synthesize_job(tmp_path_factory.mktemp("job") / "cdk.out")
    return JobDesk(cloud=deployment.cloud, outputs=deployment.cloud.deploy(assembly)[JOB_STACK_NAME])


@pytest.fixture(scope="session")
def report_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportDesk]:
    """The reports stack alone, on a cloud of its own, so that its waits are beside those of the other stacks."""
    directory = tmp_path_factory.mktemp("reports")
    assembly = synthesize_reports(directory / "cdk.out")
    with shared_cloud(directory / "cloud") as cloud:
        yield ReportDesk(cloud, cloud.deploy(assembly)[REPORTS_STACK])


@pytest.fixture(scope="session")
def report_run(report_desk: ReportDesk) -> ReportRun:
    """Eighty-seven requests, the pipe stopped for the first third, and workers killed twice."""
    return run_reports(report_desk, "mixed", SHAPE, first_year=2101, kills=2)
