"""Properties of templates that ministack alone reads over."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tsunagu.local.embedded_cloud import EmbeddedCloud


def table(kind: str = "Table", **properties: Any) -> dict[str, Any]:
    defaults = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {"Table": {"Type": f"AWS::DynamoDB::{kind}", "Properties": defaults | properties}}


@pytest.mark.parametrize(("kind", "more"), [("Table", {}), ("GlobalTable", {"Replicas": [{"Region": "us-east-1"}]})])
def test_time_to_live_of_a_table_follows_its_template(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], kind: str, more: dict[str, Any]
) -> None:
    stack, describe = f"ttl-{uuid.uuid4().hex[:8]}", cloud.client("dynamodb").describe_time_to_live
    specification = {"AttributeName": "expiration", "Enabled": True}

    name = deploy(table(kind, TimeToLiveSpecification=specification, **more), stack=stack)["Table"]
    enabled = describe(TableName=name)["TimeToLiveDescription"]
    cloud.client("dynamodb").put_item(TableName=name, Item={"id": {"S": "kept"}})
    deploy(table(kind, **more), stack=stack)
    removed = describe(TableName=name)["TimeToLiveDescription"]

    assert enabled == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiration"}
    assert removed["TimeToLiveStatus"] == "DISABLED"
    assert cloud.client("dynamodb").scan(TableName=name)["Count"] == 1


def test_reserved_concurrency_of_a_function_follows_its_template(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    stack, code = f"concurrency-{uuid.uuid4().hex[:8]}", "def handler(event, context): pass"
    describe = cloud.client("lambda").get_function_concurrency

    name = deploy(function(code, ReservedConcurrentExecutions=3), stack=stack)["Function"]
    reserved = describe(FunctionName=name)["ReservedConcurrentExecutions"]
    deploy(function(code), stack=stack)

    assert reserved == 3
    assert "ReservedConcurrentExecutions" not in describe(FunctionName=name)


def test_topic_has_the_key_and_the_order_of_its_template(cloud: EmbeddedCloud, deploy: Callable[..., Any]) -> None:
    properties = {
        "TopicName": f"probe-{uuid.uuid4().hex[:8]}.fifo",
        "FifoTopic": True,
        "ContentBasedDeduplication": True,
        "KmsMasterKeyId": "alias/probe",
    }

    arn = deploy({"Topic": {"Type": "AWS::SNS::Topic", "Properties": properties}})["Topic"]

    attributes = cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["FifoTopic"] == attributes["ContentBasedDeduplication"] == "true"
    assert attributes["KmsMasterKeyId"] == "alias/probe"
