"""A team's app, with what it has already, on the embedded cloud."""

import json
from typing import Any

import pytest

from tests.e2e.deployed import Deployment
from tests.e2e.team_stack import COMPANY, SECOND_REGION, TEAM, synthesize_team
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.testing.patience import eventually

pytestmark = pytest.mark.slow  # three stacks in two regions
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def outputs(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WITHOUT_VALIDATION.items():
            patch.setenv(name, value)
        assembly = synthesize_team(tmp_path_factory.mktemp("team") / "cdk.out")
    deployed: dict[str, dict[str, str]] = deployment.cloud.deploy(assembly)
    return deployed


def test_event_of_a_second_region_takes_effect_once(deployment: Deployment, outputs: dict[str, dict[str, str]]) -> None:
    cloud, team = deployment.cloud, outputs[TEAM]
    publish = cloud.client("sns", SECOND_REGION).publish
    parcels = [{"number": "p-1", "grams": 250}, {"number": "p-2", "grams": 900}, {"number": "p-1", "grams": 250}]

    for parcel in parcels:
        publish(TopicArn=outputs["topics"]["TopicArn"], Message=json.dumps(parcel))

    def received() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = cloud.client("dynamodb").scan(TableName=team["ParcelsTableName"])["Items"]
        return found if len(found) == 2 else []

    weights = {item["number"]["S"]: item["grams"]["N"] for item in eventually(received, seconds=PATIENCE_SECONDS)}
    assert weights == {"p-1": "250", "p-2": "900"}
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=team["DeadLetterQueueUrl"])


def test_function_has_the_boundary_of_the_company(deployment: Deployment, outputs: dict[str, dict[str, str]]) -> None:
    role = deployment.cloud.client("iam").get_role(RoleName=outputs[TEAM]["RoleName"])["Role"]

    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == outputs[COMPANY]["BoundaryArn"]
