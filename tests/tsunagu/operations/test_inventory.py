"""The inventory of deployed stacks, read from a CloudFormation that pages, nests, and has YAML."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.tsunagu.operations.fake_cloudformation import FakeCloudFormation, FakeStack
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts
from tsunagu.errors import NotFoundError, OperationError
from tsunagu.operations.deployed_stacks import all_stacks
from tsunagu.operations.inventory import read_inventories, read_inventory

QUEUE = "AWS::SQS::Queue"
NESTED = "AWS::CloudFormation::Stack"


def queue(path: str = "", *parts: Part, **properties: object) -> dict[str, Any]:
    metadata: dict[str, Any] = {"aws:cdk:path": f"Shop/{path}"} if path else {}
    if parts:
        metadata[METADATA_KEY] = write_parts(parts)
    return {"Type": QUEUE, "Properties": properties, "Metadata": metadata}


def stack(name: str, resources: Mapping[str, Any], **settings: Any) -> FakeStack:
    return FakeStack(name=name, template={"Resources": dict(resources)}, **settings)


def test_a_resource_has_ids_type_path_and_parts() -> None:
    part = Part(kind=Kind.CHANNEL, name="Orders", path="Orders", protected=True)
    aws = FakeCloudFormation(stack("shop", {"Q1": queue("OrdersChannel/Queue/Resource", part, FifoQueue=True)}))

    (found,) = read_inventory(aws.client, "shop").resources

    assert (found.stack_name, found.logical_id, found.physical_id, found.type) == ("shop", "Q1", "shop-Q1", QUEUE)
    assert found.construct_path == "OrdersChannel/Queue"
    assert found.part(Kind.CHANNEL) == part
    assert found.properties == {"FifoQueue": True}


@pytest.mark.parametrize("name", ["Orders", "orders", "Q1", "shop-Q1", "OrdersChannel/Queue"])
def test_a_resource_is_found_by_each_of_its_names(name: str) -> None:
    part = Part(kind=Kind.CHANNEL, name="Orders", path="Orders")
    aws = FakeCloudFormation(stack("shop", {"Q1": queue("OrdersChannel/Queue/Resource", part)}))

    (found,) = read_inventory(aws.client, "shop").resources

    assert found.is_named(name)
    assert not found.is_named("Order")


def test_all_pages_of_resources_are_read() -> None:
    aws = FakeCloudFormation(stack("shop", {f"Q{number}": queue() for number in range(250)}))

    assert len(read_inventory(aws.client, "shop").resources) == 250
    assert aws.calls["ListStackResources"] == 3


def test_resources_of_nested_stacks_belong_to_the_root() -> None:
    part = Part(kind=Kind.CHANNEL, name="Inner/Orders", path="Inner/Orders")
    inner = stack("shop-Inner", {"Q": queue("", part)}, parent="shop")
    aws = FakeCloudFormation(stack("shop", {"Inner": {"Type": NESTED}}), inner)

    found = read_inventory(aws.client, "shop").of_kind(Kind.CHANNEL)

    assert [(each.stack_name, each.logical_id) for each in found] == [("shop", "Inner/Q")]
    assert [each.name for each in all_stacks(aws.client)] == ["shop"]


def test_a_template_in_yaml_is_read_with_its_short_functions() -> None:
    text = """
    AWSTemplateFormatVersion: 2010-09-09
    Resources:
      Q:
        Type: AWS::SQS::Queue
        Metadata:
          Tsunagu: {version: 1, parts: [{kind: channel, name: Orders}]}
        Properties:
          QueueName: !Sub "${AWS::StackName}-q"
          RedrivePolicy: {deadLetterTargetArn: !GetAtt [Dead, Arn], maxReceiveCount: !Ref Count}
    """
    aws = FakeCloudFormation(FakeStack(name="shop", template=text, logical_ids={"Q": QUEUE}))

    (found,) = read_inventory(aws.client, "shop").resources

    assert [part.name for part in found.parts] == ["Orders"]
    assert found.properties["QueueName"] == {"Fn::Sub": "${AWS::StackName}-q"}
    assert found.properties["RedrivePolicy"]["maxReceiveCount"] == {"Ref": "Count"}


@pytest.mark.parametrize("template", ["just text", "{", "a: [", json.dumps(["list"])])
def test_a_text_that_is_no_template_is_an_error_with_the_stack(template: str) -> None:
    aws = FakeCloudFormation(FakeStack(name="shop", template=template))

    with pytest.raises(OperationError, match="the template of the stack shop must be JSON or YAML"):
        read_inventory(aws.client, "shop")


def test_a_resource_whose_condition_is_false_is_left_out() -> None:
    aws = FakeCloudFormation(
        FakeStack(name="shop", template={"Resources": {"Q": queue(), "No": queue()}}, logical_ids={"Q": QUEUE})
    )

    assert [each.logical_id for each in read_inventory(aws.client, "shop").resources] == ["Q"]


def test_stacks_of_others_are_left_out_where_only_flows_are_wanted() -> None:
    ours = stack("ours", {"Q": queue("", Part(kind=Kind.CHANNEL, name="Orders"))})
    theirs = stack("theirs", {"Q": queue()})
    aws = FakeCloudFormation(ours, theirs)
    stacks = all_stacks(aws.client)

    assert [each.name for each in read_inventories(aws.client, stacks)] == ["ours", "theirs"]
    assert [each.name for each in read_inventories(aws.client, stacks, only_with_flows=True)] == ["ours"]


def test_a_stack_that_is_deleted_while_all_are_read_is_left_out() -> None:
    aws = FakeCloudFormation(stack("a", {"Q": queue()}), stack("b", {"Q": queue()}))
    stacks = all_stacks(aws.client)
    del aws.stacks["a"]

    assert [each.name for each in read_inventories(aws.client, stacks)] == ["b"]


def test_a_stack_that_is_not_deployed_is_an_error() -> None:
    with pytest.raises(NotFoundError, match="the stack shop must be deployed"):
        read_inventory(FakeCloudFormation().client, "shop")


def test_a_stack_is_protected_by_itself_or_by_a_part() -> None:
    plain = stack("plain", {"Q": queue("", Part(kind=Kind.CHANNEL, name="Orders"))})
    by_part = stack("by-part", {"Q": queue("", Part(kind=Kind.CHANNEL, name="Orders", protected=True))})
    by_itself = stack("by-itself", {"Q": queue()}, termination_protected=True)
    aws = FakeCloudFormation(plain, by_part, by_itself)

    protected = {each.name: each.is_protected for each in read_inventories(aws.client, all_stacks(aws.client))}

    assert protected == {"plain": False, "by-part": True, "by-itself": True}


def test_a_stack_that_may_not_be_read_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    aws = FakeCloudFormation(stack("mine", {"Q": queue()}), stack("secret", {"Q": queue()}))
    message = (
        "User: arn:aws:iam::1:user/jo is not authorized to perform: cloudformation:GetTemplate on resource: arn:secret"
    )
    aws.refusals["GetTemplate", "secret"] = ("AccessDenied", message)

    found = read_inventories(aws.client, all_stacks(aws.client))

    assert [each.name for each in found] == ["mine"]
    assert caplog.messages == [
        "the stack secret may not be read: not allowed: cloudformation:GetTemplate on arn:secret"
    ]


def test_if_no_stack_may_be_read_that_is_an_error() -> None:
    aws = FakeCloudFormation(stack("secret", {"Q": queue()}))
    aws.refusals["GetTemplate", "secret"] = ("AccessDenied", "no")

    with pytest.raises(ClientError, match="AccessDenied"):
        read_inventories(aws.client, all_stacks(aws.client))
