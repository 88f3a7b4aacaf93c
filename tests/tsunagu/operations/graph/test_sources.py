import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.tsunagu.operations.fake_cloudformation import FakeCloudFormation, FakeStack
from tests.tsunagu.operations.graph.flows import FUNCTION, QUEUE, arn, arrows, ref, resource
from tsunagu.errors import InvalidInputError, NotFoundError
from tsunagu.operations.graph.live import with_depths
from tsunagu.operations.graph.model import Graph
from tsunagu.operations.graph.reading import graph_of
from tsunagu.operations.graph.sources import deployed_documents, synthesized_documents
from tsunagu.operations.inventory import StackInventory, read_inventory

FLOW = {
    "Resources": {
        "Q1234ABCD": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D")}),
        "D": QUEUE,
        "F": FUNCTION,
        "M": resource("Lambda::EventSourceMapping", EventSourceArn=arn("Q1234ABCD"), FunctionName=ref("F")),
    }
}
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/"
NESTING = {
    "Resources": {
        "D": QUEUE,
        "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": {"Target": arn("D")}}},
    }
}
NESTED = {
    "Parameters": {"Target": {"Type": "String"}},
    "Resources": {"Q": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": ref("Target")})},
}


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """An assembly with a stack, and with another one in a stage, as `cdk synth` writes it."""
    stage = tmp_path / "assembly-Prod"
    stage.mkdir()
    write_assembly(
        tmp_path, "Shop", FLOW, {"Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": stage.name}}}
    )
    write_assembly(stage, "Audit", {"Resources": {"Lone": QUEUE}}, {})
    (tmp_path / "Shop.metadata.json").write_text(
        json.dumps({"/Shop/Orders/Queue/Resource": [{"type": "aws:cdk:logicalId", "data": "Q1234ABCD"}]})
    )
    return tmp_path


def write_assembly(folder: Path, name: str, template: Any, others: Any) -> None:
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": f"{name}.template.json", "stackName": f"my-{name.lower()}"},
        "additionalMetadataFile": f"{name}.metadata.json",
    }
    (folder / f"{name}.metadata.json").write_text("{}")
    (folder / f"{name}.template.json").write_text(json.dumps(template))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {name: stack, **others}}))


def test_all_stacks_of_an_assembly_are_read_and_those_of_its_stages(assembly: Path) -> None:
    assert [document.stack_name for document in synthesized_documents(assembly)] == ["my-shop", "my-audit"]


@pytest.mark.parametrize("name", ["my-shop", "Shop"])
def test_one_stack_of_an_assembly_is_read_by_its_name(assembly: Path, name: str) -> None:
    [document] = synthesized_documents(assembly, name)

    assert arrows(graph_of([document])) == {"Q -x D", "Q -> F"}


def test_paths_of_constructs_come_from_the_assembly(assembly: Path) -> None:
    found = graph_of(synthesized_documents(assembly, "Shop"))

    assert found.nodes["Q"].path == ("Orders",)


def test_a_template_alone_is_read(assembly: Path) -> None:
    (assembly / "manifest.json").unlink()

    [document] = synthesized_documents(assembly / "Shop.template.json")

    assert len(graph_of([document]).nodes) == 3


def test_a_template_as_yaml_is_read_with_its_short_functions(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        "Resources:\n"
        "  Orders:\n    Type: AWS::SQS::Queue\n"
        "    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn}}\n"
        "  Dead: {Type: AWS::SQS::Queue}\n"
    )

    assert arrows(graph_of(synthesized_documents(path))) == {"Orders -x Dead"}


def test_unknown_stack_of_an_assembly_is_refused_with_those_that_it_has(assembly: Path) -> None:
    with pytest.raises(NotFoundError, match="must have one stack other, got my-audit, my-shop"):
        synthesized_documents(assembly, "other")


@pytest.mark.parametrize("content", ["", "Resources:\n  Q: {}", "[]", "{}"])
def test_what_is_no_template_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content)

    with pytest.raises(InvalidInputError, match=r"t\.json must"):
        synthesized_documents(tmp_path / "t.json")


@pytest.mark.parametrize("name", ["gone.json", "."])
def test_a_file_that_is_missing_and_a_folder_without_an_assembly_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError):
        synthesized_documents(tmp_path / name)


@pytest.fixture
def cloud() -> FakeCloudFormation:
    return FakeCloudFormation(
        FakeStack(name="shop", template=NESTING, physical_ids={"Inner": "inner-stack", "D": f"{URL}D"}),
        FakeStack(name="inner-stack", template=NESTED, parent="shop", physical_ids={"Q": f"{URL}Q"}),
    )


@pytest.fixture
def inventory(cloud: FakeCloudFormation) -> StackInventory:
    return read_inventory(cloud.client, "shop")


@pytest.fixture
def drawn(cloud: FakeCloudFormation, inventory: StackInventory) -> Graph:
    return graph_of(deployed_documents(cloud.client, inventory))


def test_deployed_stack_is_read_with_its_nested_stacks(drawn: Graph) -> None:
    assert arrows(drawn) == {"Q -x D"}
    assert drawn.title == "shop"


@mock_aws
def test_depths_of_queues_are_shown_and_dead_letters_stand_out(inventory: StackInventory, drawn: Graph) -> None:
    sqs = boto3.client("sqs", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("D", "Q")]
    for url in (urls[0], urls[0], urls[1]):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.receive_message(QueueUrl=urls[1])

    nodes = with_depths(drawn, sqs, inventory).nodes

    assert (nodes["D"].details, nodes["D"].is_alarming) == (("2 waiting",), True)
    assert (nodes["Q"].details, nodes["Q"].is_alarming) == (("1 in flight",), False)


@mock_aws
def test_an_empty_dead_letter_queue_does_not_stand_out(inventory: StackInventory, drawn: Graph) -> None:
    sqs = boto3.client("sqs", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
    for name in ("D", "Q"):
        sqs.create_queue(QueueName=name)

    nodes = with_depths(drawn, sqs, inventory).nodes

    assert (nodes["D"].details, nodes["D"].is_alarming) == (("empty",), False)
