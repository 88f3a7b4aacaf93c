"""Alarms on the depth of a queue: they fire within seconds, for their own queue, and reach an encrypted topic."""

import json
from collections.abc import Callable
from typing import Any

from tsunagu.local.embedded_cloud import EmbeddedCloud


def dead_letters() -> dict[str, Any]:
    """Return an alarm on `DeadLetters` that notifies `Inbox` through an encrypted topic, and a queue beside it."""
    publish = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["Inbox", "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}},
    }
    alarm = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetters", "QueueName"]}}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "Topic"}],
    }
    key_policy = {"Version": "2012-10-17", "Statement": []}
    subscription = {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Inbox", "Arn"]}}
    policy = {"Queues": [{"Ref": "Inbox"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [publish]}}
    return {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": key_policy}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
        "DeadLetters": {"Type": "AWS::SQS::Queue"},
        "Other": {"Type": "AWS::SQS::Queue"},
        "Inbox": {"Type": "AWS::SQS::Queue"},
        "InboxPolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
    }


def test_alarm_on_dead_letters_publishes_to_an_encrypted_topic(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    ids, sqs = deploy(dead_letters()), cloud.client("sqs")
    eventually(lambda: state_of(cloud, ids["Alarm"]) == "OK")

    sqs.send_message(QueueUrl=ids["DeadLetters"], MessageBody="poison")

    received = eventually(lambda: sqs.receive_message(QueueUrl=ids["Inbox"]).get("Messages"))
    notification = json.loads(json.loads(received[0]["Body"])["Message"])
    assert notification["AlarmName"] == ids["Alarm"]
    assert notification["NewStateValue"] == "ALARM"
    assert state_of(cloud, ids["Alarm"]) == "ALARM"


def test_messages_of_another_queue_do_not_raise_the_alarm(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    ids = deploy(dead_letters())
    cloud.client("sqs").send_message(QueueUrl=ids["Other"], MessageBody="work")
    name = ids["Other"].rsplit("/", 1)[1]

    eventually(lambda: greatest_depth(cloud, name) == 1)

    assert state_of(cloud, ids["Alarm"]) == "OK"


def state_of(cloud: EmbeddedCloud, alarm: str) -> str:
    (found,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found["StateValue"])


def greatest_depth(cloud: EmbeddedCloud, queue: str) -> float:
    query = {
        "Id": "depth",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [{"Name": "QueueName", "Value": queue}],
            },
            "Period": 3600,
            "Stat": "Maximum",
        },
    }
    answer = cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime="2020-01-01T00:00:00Z", EndTime="2100-01-01T00:00:00Z"
    )
    return max(answer["MetricDataResults"][0]["Values"], default=0)
