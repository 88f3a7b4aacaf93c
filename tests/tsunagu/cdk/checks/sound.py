"""A template that breaks no rule, for tests that change it in one place."""

from typing import Any

from tsunagu.cdk.checks import MessagingChecks
from tsunagu.templates.template import Template

Resources = dict[str, Any]

STARTED = {"Arn": {"Ref": "Machine"}, "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Unstarted", "Arn"]}}}
SOUND: Resources = {
    "Key": {
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "Properties": {
            "KeyPolicy": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": ["cloudwatch.amazonaws.com", "sns.amazonaws.com"]},
                        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                    },
                    {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "kms:*"},
                ]
            }
        },
    },
    "Orders": {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "Properties": {
            "VisibilityTimeout": 65,
            "KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadOrders", "Arn"]}, "maxReceiveCount": 100},
        },
    },
    "DeadOrders": {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "Properties": {"MessageRetentionPeriod": 1_209_600},
    },
    "Undelivered": {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "Properties": {"MessageRetentionPeriod": 1_209_600, "KmsMasterKeyId": {"Ref": "Key"}},
    },
    "OrdersPolicy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Orders"}, {"Ref": "Undelivered"}],
            "PolicyDocument": {
                "Statement": [
                    {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*"},
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
                        "Action": "sqs:SendMessage",
                        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}},
                    },
                ]
            },
        },
    },
    "Items": {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {
            "DeletionProtectionEnabled": True,
            "TimeToLiveSpecification": {"AttributeName": "expiration", "Enabled": True},
        },
    },
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Timeout": 10,
            "ReservedConcurrentExecutions": 5,
            "Environment": {
                "Variables": {"IDEMPOTENCY_TABLE_NAME": {"Ref": "Items"}, "CLAIM_BUCKET_NAME": {"Ref": "Claims"}}
            },
        },
    },
    "Mapping": {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": ["Orders", "Arn"]},
            "FunctionName": {"Ref": "Function"},
            "MaximumBatchingWindowInSeconds": 5,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 5},
        },
    },
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "Topic"},
            "Endpoint": {"Fn::GetAtt": ["Orders", "Arn"]},
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
        },
    },
    "Claims": {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "Properties": {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 60}]}},
    },
    "Tick": {
        "Type": "AWS::Events::Rule",
        "Properties": {"Targets": [{"Arn": {"Fn::GetAtt": ["Orders", "Arn"]}, "Id": "Orders"}]},
    },
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadOrders", "QueueName"]}}],
            "AlarmActions": [{"Ref": "Topic"}],
        },
    },
    "UndeliveredAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Undelivered", "QueueName"]}}],
            "AlarmActions": [{"Ref": "Topic"}],
        },
    },
    "Unstarted": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {}},
    "UnstartedPolicy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Unstarted"}],
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Ended", "Arn"]}}},
                    }
                ]
            },
        },
    },
    "UnstartedAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Unstarted", "QueueName"]}}],
            "AlarmActions": [{"Ref": "Topic"}],
        },
    },
    "Nightly": {"Type": "AWS::Scheduler::Schedule", "Properties": {"Target": STARTED}},
    "Ended": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Id": "Machine", **STARTED}]}},
}


def findings(resources: Resources) -> set[tuple[str, str]]:
    """Rules that are broken, with the resource that breaks them."""
    return found_in(Template.parse({"Resources": resources}))


def found_in(template: Template) -> set[tuple[str, str]]:
    """Rules that linked templates break, with the resource that breaks them."""
    rules = MessagingChecks(protect=True).rules
    return {(rule.rule_id, finding.resource.logical_id) for rule in rules for finding in rule.find(template)}
