"""The stacks pass the checks of the library, which run at synth, and what the company has is imported."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import build_app

CONTEXT = json.loads((Path(__file__).parents[1] / "cdk.json").read_text())["context"]
COMPANY = CONTEXT["company"]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the assembly of the delivery pipeline. CDK's own validation is left to `cdk synth`."""
    folder = tmp_path_factory.mktemp("cdk.out")
    app = build_app(context=CONTEXT, outdir=str(folder), builtin_cloud_formation_validation=False)
    return Path(app.synth().directory)  # fails when a check finds something


def resources(output: Path, stage: str, kind: str) -> list[dict[str, Any]]:
    (path,) = output.glob(f"assembly-Delivery-{stage}/*.template.json")
    found = json.loads(path.read_text())["Resources"].values()
    return [resource["Properties"] for resource in found if resource["Type"] == kind]


def test_pipeline_has_a_stage_for_dev_and_one_for_prod(output: Path) -> None:
    template = json.loads((output / "Delivery.template.json").read_text())
    (pipeline,) = [each for each in template["Resources"].values() if each["Type"] == "AWS::CodePipeline::Pipeline"]

    names = [stage["Name"] for stage in pipeline["Properties"]["Stages"]]
    assert [name for name in names if name in {"Dev", "Prod"}] == ["Dev", "Prod"]


@pytest.mark.parametrize("stage", ["Dev", "Prod"])
def test_queues_have_the_key_of_the_company(output: Path, stage: str) -> None:
    queues = resources(output, stage, "AWS::SQS::Queue")

    keys = {queue["KmsMasterKeyId"] for queue in queues if "KmsMasterKeyId" in queue}
    assert keys == {COMPANY["key_arn"]}


@pytest.mark.parametrize("stage", ["Dev", "Prod"])
def test_every_role_has_the_boundary_of_the_company(output: Path, stage: str) -> None:
    roles = resources(output, stage, "AWS::IAM::Role")

    assert {role["PermissionsBoundary"] for role in roles} == {COMPANY["boundary_arn"]}


def test_receipts_are_in_the_network_and_have_the_role_of_the_company(output: Path) -> None:
    functions = resources(output, "Prod", "AWS::Lambda::Function")

    (receipts,) = [each for each in functions if each.get("Handler") == "lambdas.receipts.handler.handler"]
    assert receipts["Role"] == COMPANY["receipts_role_arn"]
    assert receipts["VpcConfig"]["SubnetIds"] == COMPANY["subnet_ids"]


def test_subscription_is_made_in_the_region_of_its_topic(output: Path) -> None:
    subscriptions = resources(output, "Prod", "AWS::SNS::Subscription")

    (deliveries,) = [each for each in subscriptions if each["TopicArn"] == COMPANY["deliveries_topic_arn"]]
    assert deliveries["Region"] == "eu-west-1"


def test_stock_of_the_company_is_not_made_again(output: Path) -> None:
    assert COMPANY["stock_table_arn"].rpartition("/")[2] not in {
        table.get("TableName") for table in resources(output, "Prod", "AWS::DynamoDB::GlobalTable")
    }
