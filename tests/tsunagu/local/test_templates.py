"""Properties of templates that ministack alone reads over."""

import uuid
from collections.abc import Callable
from typing import Any

from tsunagu.local.embedded_cloud import EmbeddedCloud


def table(**properties: Any) -> dict[str, Any]:
    defaults = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": defaults | properties}}


def test_time_to_live_of_a_table_follows_its_template(cloud: EmbeddedCloud, deploy: Callable[..., Any]) -> None:
    stack, describe = f"ttl-{uuid.uuid4().hex[:8]}", cloud.client("dynamodb").describe_time_to_live
    specification = {"AttributeName": "expiration", "Enabled": True}

    name = deploy(table(TimeToLiveSpecification=specification), stack=stack)["Table"]
    enabled = describe(TableName=name)["TimeToLiveDescription"]
    deploy(table(), stack=stack)
    removed = describe(TableName=name)["TimeToLiveDescription"]

    assert enabled == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiration"}
    assert removed["TimeToLiveStatus"] == "DISABLED"


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
