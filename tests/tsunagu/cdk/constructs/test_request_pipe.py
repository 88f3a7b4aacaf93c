import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb

from tests.tsunagu.cdk.constructs.request_stacks import Parts
from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.errors import InvalidPropsError

PIPE = "AWS::Pipes::Pipe"
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/Items"
STREAM_ARN = f"{TABLE_ARN}/stream/2026-11-28T00:00:00.000"
READS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")


def test_new_records_of_the_scope_pass_and_nothing_else(stack: Stack) -> None:
    Parts.of(stack).pipe()

    [entry] = properties(stack, PIPE)["SourceParameters"]["FilterCriteria"]["Filters"]
    image = {"kind": {"S": ["REQUEST"]}, "id": {"S": [{"prefix": "reports:request#"}]}}
    assert json.loads(entry["Pattern"]) == {"eventName": ["INSERT"], "dynamodb": {"NewImage": image}}


def test_message_has_the_key_of_the_record_and_nothing_else(stack: Stack) -> None:
    Parts.of(stack).pipe()

    parameters = properties(stack, PIPE)["TargetParameters"]
    assert parameters == {"InputTemplate": '{"request_key": <$.dynamodb.Keys.id.S>}'}


def test_pipe_reads_from_the_beginning_and_gives_nothing_up(stack: Stack) -> None:
    Parts.of(stack).pipe()

    source = properties(stack, PIPE)["SourceParameters"]["DynamoDBStreamParameters"]
    assert source == {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10,
        "ParallelizationFactor": 10,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
    }


def test_role_may_read_the_stream_and_send_to_the_queue(stack: Stack) -> None:
    Parts.of(stack).pipe()

    reads = {(f"dynamodb:{action}", "ItemsTable") for action in READS}
    assert permissions(stack) == {*reads, ("sqs:SendMessage", "ChannelQueue")}


def test_only_pipes_of_this_account_may_take_the_role(stack: Stack) -> None:
    Parts.of(stack).pipe()

    [statement] = properties(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "pipes.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_pipe_is_created_when_its_role_may_do_all_it_needs(stack: Stack) -> None:
    Parts.of(stack).pipe()

    [policy] = resources(stack, "AWS::IAM::Policy")
    assert policy in only(stack, PIPE)["DependsOn"]


def test_key_of_the_queue_is_granted_too(stack: Stack) -> None:
    key = CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Reports")).key

    Parts.of(stack, key=key).pipe()

    assert {("kms:Decrypt", "SecretKey"), ("kms:GenerateDataKey", "SecretKey")} <= permissions(stack)


def test_executions_that_fail_raise_an_alarm(stack: Stack) -> None:
    parts = Parts.of(stack)

    parts.pipe(dead_letter_notifier=parts.notifier)

    alarm = properties(stack, "AWS::CloudWatch::Alarm")
    [pipe] = resources(stack, PIPE)
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/EventBridge/Pipes", "ExecutionFailed")
    assert alarm["Dimensions"] == [{"Name": "PipeName", "Value": {"Ref": pipe}}]
    assert alarm["AlarmActions"]


def test_stream_of_an_existing_table_is_read(stack: Stack) -> None:
    existing = dynamodb.Table.from_table_attributes(stack, "Mine", table_arn=TABLE_ARN, table_stream_arn=STREAM_ARN)
    table = IdempotencyTable(stack, "Records", IdempotencyTableProps(existing=existing, requests=True))

    Parts.of(stack).pipe(table=table)

    assert properties(stack, PIPE)["Source"] == STREAM_ARN
    assert {(f"dynamodb:{action}", STREAM_ARN) for action in READS} <= permissions(stack)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"requests": False}, r"^Stack/Records: requests must be True, because the table is to hold accepted requests"),
        ({"requests": True}, r"^Stack/Records: existing must be a table with a stream, because requests reach"),
    ],
)
def test_table_without_a_stream_is_refused(stack: Stack, settings: dict[str, Any], message: str) -> None:
    existing = dynamodb.Table.from_table_arn(stack, "Mine", TABLE_ARN)
    table = IdempotencyTable(stack, "Records", IdempotencyTableProps(existing=existing, **settings))

    with pytest.raises(InvalidPropsError, match=message):
        Parts.of(stack).pipe(table=table)


@pytest.mark.parametrize("scope", ["", "a:b", "a#b", "a" * 65, "a b"])
def test_scope_that_no_record_has_is_refused(stack: Stack, scope: str) -> None:
    with pytest.raises(InvalidPropsError, match=r"^key_scope must be 1 to 64 letters, digits, hyphens and underscores"):
        Parts.of(stack).pipe(key_scope=scope)


def test_fifo_channel_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match=r"^channel must have a standard queue, because requests have no order"):
        Parts.of(stack, fifo=True).pipe()
