"""Queues that subscribe to a topic of another region."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.tsunagu.local.test_topics import received
from tsunagu.local.embedded_cloud import EmbeddedCloud

ELSEWHERE = "eu-west-1"


def subscriber(topic_arn: str, **subscription: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = {
        "Queues": [{"Ref": "Queue"}],
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    properties = {
        "TopicArn": topic_arn,
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
        "RawMessageDelivery": True,
        **subscription,
    }
    return {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": properties},
    }


@pytest.fixture
def topic_arn(cloud: EmbeddedCloud) -> str:
    arn: str = cloud.client("sns", ELSEWHERE).create_topic(Name=f"probe-{uuid.uuid4().hex[:8]}")["TopicArn"]
    return arn


def test_topic_of_the_region_that_the_subscription_names_reaches_the_queue(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], topic_arn: str
) -> None:
    ids = deploy(subscriber(topic_arn, Region=ELSEWHERE))

    cloud.client("sns", ELSEWHERE).publish(TopicArn=topic_arn, Message="from afar")

    assert received(cloud, ids["Queue"]).keys() == {"from afar"}


def test_subscription_follows_its_template_in_the_other_region(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], topic_arn: str
) -> None:
    stack, sns = f"probe-{uuid.uuid4().hex[:8]}", cloud.client("sns", ELSEWHERE)
    url = deploy(subscriber(topic_arn, Region=ELSEWHERE), stack=stack)["Queue"]

    deploy(subscriber(topic_arn, Region=ELSEWHERE, RawMessageDelivery=False), stack=stack)
    sns.publish(TopicArn=topic_arn, Message="in an envelope")
    [envelope] = received(cloud, url)
    cloud.client("cloudformation").delete_stack(StackName=stack)
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    assert '"Message": "in an envelope"' in envelope
    assert sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"] == []


def test_subscription_to_a_topic_that_is_not_in_its_region_fails(deploy: Callable[..., Any], topic_arn: str) -> None:
    with pytest.raises(WaiterError):
        deploy(subscriber(topic_arn))
