"""What `tsunagu init` makes: it passes its own tools and tests, and its messages flow on the embedded cloud."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest

from cdk_app.demo.signed_api import SignedApi
from tests.packaging.conftest import PROJECT
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.scaffold import FLOWS, FlowName

BIN = Path(sys.executable).parent
OWN_VARIABLES = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
PATIENCE_SECONDS = 120
STACK = "desk-embedded"


def run(folder: Path, *command: str, **variables: str) -> str:
    """Run a program of the environment in a folder; return what it printed."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        env={**OWN_VARIABLES, **WITHOUT_VALIDATION, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made(folder: Path, flow: str) -> Path:
    run(folder, "tsunagu", "init", "desk", "--flow", flow)
    (folder / "desk" / "node_modules").symlink_to(PROJECT / "node_modules")  # in the place of `npm ci`
    return folder / "desk"


@pytest.mark.parametrize("flow", FLOWS)
def test_new_repository_has_no_finding_of_its_linter(flow: str, tmp_path: Path) -> None:
    repository = made(tmp_path, flow)

    run(repository, "ruff", "check", ".")
    run(repository, "ruff", "format", "--check", ".")


def test_new_repository_passes_its_own_tests(tmp_path: Path) -> None:
    """One flow; the other ones: `test_every_flow_…`. They synthesize, and the checks of the library find nothing."""
    run(made(tmp_path, "receive-once"), "pytest", "-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def types_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of aws_cdk, which all repositories share."""
    return tmp_path_factory.mktemp("types")


@pytest.fixture(params=FLOWS)
def flow(request: pytest.FixtureRequest) -> FlowName:
    return cast("FlowName", request.param)


@pytest.fixture
def repository(flow: str, tmp_path: Path) -> Path:
    return made(tmp_path, flow)


@pytest.fixture
def cloud(repository: Path) -> Iterator[EmbeddedCloud]:
    run(repository, "tsunagu", "up")
    yield EmbeddedCloud.attach(repository / ".tsunagu" / "cloud")
    run(repository, "tsunagu", "down")


@pytest.mark.slow  # a minute each, most of it for types
def test_every_flow_passes_its_types_and_its_own_tests(repository: Path, types_cache: Path) -> None:
    run(repository, "mypy", "--cache-dir", str(types_cache))
    run(repository, "pytest")


def outputs(cloud: EmbeddedCloud) -> dict[str, str]:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def bookings(cloud: EmbeddedCloud) -> dict[str, Mapping[str, Any]]:
    items = cloud.client("dynamodb").scan(TableName=outputs(cloud)["BookingsTableName"])["Items"]
    return {item["booking_id"]["S"]: item for item in items}


def use(repository: Path, cloud: EmbeddedCloud, flow: FlowName) -> None:
    """Use the flow by the command of its README."""
    command, *_ = FLOWS[flow].commands
    command = command.partition("#")[0].replace("@NAME@", "desk")
    run(repository, *command.split(), **cloud.environment())


def post(cloud: EmbeddedCloud, booking: str) -> int:
    """Send a booking twice, signed by a user who may; return the status of the second answer."""
    api = SignedApi.for_new_user(cloud, outputs(cloud)["ApiUrl"])
    first, second = (api.post("/bookings", booking, key="k-1") for _ in range(2))
    assert first.status == second.status, first.body + second.body
    return second.status


@pytest.mark.slow  # an embedded cloud each
def test_every_flow_deploys_and_takes_effect_on_the_embedded_cloud(
    repository: Path, cloud: EmbeddedCloud, flow: FlowName
) -> None:
    use(repository, cloud, flow)

    match flow:
        case "receive-once":
            assert eventually(lambda: set(bookings(cloud)) == {"b-1", "b-2"})
        case "pipeline":
            assert eventually(lambda: set(bookings(cloud)) == {"b-1"})
        case "one-at-a-time":
            assert eventually(lambda: [*bookings(cloud)])[0].startswith("closed-")
        case "accept-now":
            assert post(cloud, (repository / "booking.json").read_text()) == HTTPStatus.ACCEPTED
            assert eventually(lambda: len(bookings(cloud)) == 1)
        case "web-and-queue":
            booking = {"booking_id": "b-2", "room": "blue", "seats": 12}
            assert post(cloud, json.dumps(booking)) == HTTPStatus.CREATED
            assert eventually(lambda: {*bookings(cloud)} == {"b-1", "b-2"})
            assert eventually(lambda: all("confirmed" in each for each in bookings(cloud).values()))
        case _:
            pytest.fail(f"{flow} must be used, got no use of it")


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
        time.sleep(0.5)
    return found
