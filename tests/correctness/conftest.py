"""One embedded cloud for all soak tests, with IAM enforced; each module deploys what it needs to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_app.demo.receive_once import STACK_NAME
from tests.correctness import desk_stack
from tests.correctness.desks import Desk
from tests.correctness.soak import shorten_visibility
from tests.e2e.deployed import Deployment
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

PROJECT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what runs on a cloud to `make test-long`."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "cloud" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)  # where the CDK CLI is
        with EmbeddedCloud.start(tmp_path_factory.mktemp("soak") / "cloud") as running:
            yield running


@pytest.fixture(scope="session")
def payments(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The payments app; what is killed comes back within seconds."""
    assembly = synthesize("embedded", tmp_path_factory.mktemp("payments") / "cdk.out")
    outputs = cloud.deploy(assembly)
    deployment = Deployment(cloud=cloud, assembly=assembly, outputs={STACK_NAME: outputs[STACK_NAME]})
    shorten_visibility(cloud, deployment.queues)
    return deployment


@pytest.fixture(scope="session")
def desks(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Desk]:
    """The desks by name."""
    outputs = cloud.deploy(desk_stack.synthesize_desks(tmp_path_factory.mktemp("desks") / "cdk.out"))
    names = [f"{kind}{mode}" for kind in ("Fifo", "Standard") for mode in ("Transaction", "Plain")]
    deployed = outputs[desk_stack.STACK_NAME]
    desks = {name: Desk(cloud=cloud, name=name, outputs=deployed) for name in [*names, "FifoParked"]}
    for desk in desks.values():
        # A lease ends 6 s after its claim: the function's time-out of 4 s and the grace of 2 s.
        cloud.client("sqs").set_queue_attributes(QueueUrl=desk.queue_url, Attributes={"VisibilityTimeout": "7"})
    return desks
