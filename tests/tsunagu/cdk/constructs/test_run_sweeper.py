"""The sweeper of runs: what it may do, when it runs, what it tells, and how it is left out."""

import re
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk import (
    AlarmRule,
    DeadLetterNotifier,
    IdempotencyTable,
    IdempotencyTableProps,
    RunSweeper,
    RunSweeperProps,
    UnfinishedRuns,
)
from tsunagu.contracts.pipeline import RunSweeperEnvironment
from tsunagu.errors import InvalidPropsError

STEPS = '[{"name":"ship","topic_arn":"arn:aws:sns:eu-central-1:1:ship","services":["shipping"]}]'


def alarms(stack: Stack, metric: str) -> list[dict[str, Any]]:
    found = [each["Properties"] for each in resources(stack, "AWS::CloudWatch::Alarm").values()]
    return [each for each in found if each["MetricName"] == metric]


def sweeper(stack: Stack, **settings: Any) -> RunSweeper:
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(request_index=True, run_index=True))
    props = RunSweeperProps(
        pipeline="orders",
        steps=STEPS,
        table=table,
        dead_letter_notifier=DeadLetterNotifier(stack, "Notifier"),
        settings=UnfinishedRuns(**settings),
    )
    return RunSweeper(stack, "Sweeper", props)


def test_function_reads_the_environment_that_the_construct_writes(stack: Stack) -> None:
    sweeper(stack, longest_run=Duration.hours(2))

    variables = properties(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    read = RunSweeperEnvironment.from_environment(
        {name: value if isinstance(value, str) else "a name" for name, value in variables.items()}
    )
    assert (read.pipeline, read.steps, read.longest_run_seconds) == ("orders", STEPS, 7_200)


def test_it_may_find_read_and_close_runs_and_no_more(stack: Stack) -> None:
    sweeper(stack)

    of_table = {action for action, resource in permissions(stack) if action.startswith("dynamodb:")}
    assert of_table == {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"}


def test_it_runs_each_five_minutes_and_a_tick_is_never_retried(stack: Stack) -> None:
    sweeper(stack)

    schedule = properties(stack, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert properties(stack, "AWS::Lambda::EventInvokeConfig")["MaximumRetryAttempts"] == 0


def test_alarm_is_raised_by_one_unfinished_run_and_stays_until_there_is_none(stack: Stack) -> None:
    sweeper(stack)

    (alarm,) = alarms(stack, "RunsUnfinished")
    assert {name: alarm[name] for name in ("Threshold", "Period", "EvaluationPeriods", "DatapointsToAlarm")} == {
        "Threshold": 1,
        "Period": 60,
        "EvaluationPeriods": 10,
        "DatapointsToAlarm": 1,
    }
    assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Maximum", "notBreaching")
    assert len(alarm["AlarmActions"]) == 1


def test_alarm_follows_its_rule_and_can_be_left_out(stack: Stack, app_context: dict[str, Any]) -> None:
    other_stack = Stack(new_app(context=app_context, analytics_reporting=False), "Other")
    sweeper(stack, alarm=AlarmRule(threshold=7, minutes=30, minutes_to_alarm=2))
    (alarm,) = alarms(stack, "RunsUnfinished")
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (7, 30, 2)

    assert sweeper(other_stack, alarm=None).unfinished_alarm is None
    assert alarms(other_stack, "RunsUnfinished") == []


def test_missing_runs_are_counted_by_its_own_period(stack: Stack) -> None:
    sweeper(stack)

    (alarm,) = alarms(stack, "Invocations")
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (300, 5, 3)


def test_table_without_the_index_is_refused_with_both_ways_out(stack: Stack) -> None:
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(request_index=True))
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    with pytest.raises(InvalidPropsError, match=r"run_index must be True, .*unfinished_runs=None"):
        table.grant_sweep_runs(role)


def test_table_of_requests_has_the_index_too(stack: Stack) -> None:
    props = IdempotencyTableProps(request_index=True, requests=True, run_index=True)
    IdempotencyTable(stack, "Items", props)

    indexes = properties(stack, "AWS::DynamoDB::Table")["GlobalSecondaryIndexes"]
    assert sorted(each["IndexName"] for each in indexes) == ["OpenIndex", "RequestIndex"]


def test_table_of_runs_has_no_stream(stack: Stack) -> None:
    IdempotencyTable(stack, "Items", IdempotencyTableProps(run_index=True))

    table = properties(stack, "AWS::DynamoDB::Table")
    assert "StreamSpecification" not in table
    assert [each["IndexName"] for each in table["GlobalSecondaryIndexes"]] == ["OpenIndex"]


def test_existing_table_of_the_app_must_have_the_index(stack: Stack) -> None:
    existing = dynamodb.Table(
        stack,
        "Own",
        partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
        time_to_live_attribute="expiration",
    )

    expected = re.escape("existing must have the index OpenIndex with the keys open (a string) and due (a number)")
    with pytest.raises(InvalidPropsError, match=expected):
        IdempotencyTableProps(existing=existing, run_index=True)


@pytest.mark.parametrize("seconds", [299, 31_536_001])
def test_longest_run_out_of_range_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidPropsError, match="longest_run must be between"):
        UnfinishedRuns(longest_run=Duration.seconds(seconds))


def test_given_roles_are_used(stack: Stack) -> None:
    function_role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    schedule_role = iam.Role(stack, "OwnOfTicks", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))

    sweeper(stack, role=function_role, schedule_role=schedule_role)

    assert {name[:3] for name in resources(stack, "AWS::IAM::Role")} == {"Own"}
    assert "lambda:InvokeFunction" in {action for action, _ in permissions(stack)}
