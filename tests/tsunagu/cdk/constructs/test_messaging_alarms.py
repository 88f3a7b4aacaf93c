"""Thresholds, minutes and topics of the alarms of a notifier and of a job, and alarms that are left out."""

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns

from tests.tsunagu.cdk.constructs.synthesized import resources
from tsunagu.cdk import (
    AgeRule,
    AlarmRule,
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    InvalidPropsError,
    JobAlarmRules,
    MessagingAlarms,
    QueueChannel,
    QueueChannelProps,
    SingleFlightSchedule,
    SingleFlightScheduleProps,
    TopicChannel,
)

if TYPE_CHECKING:
    from constructs import IConstruct

FIVE = Duration.seconds(5)
RULE = AlarmRule(threshold=7, minutes=60, minutes_to_alarm=2)
OF_RULE = {"Threshold": 7, "EvaluationPeriods": 60, "DatapointsToAlarm": 2}
ALL = ("dead_letters", "undelivered", "configuration_faults", "failures_after_commit")
ALL_OF_TICKS = ("failed_runs", "missing_runs", "pipe_failures", "server_errors")


def alarms(stack: Stack) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources(stack, "AWS::CloudWatch::Alarm").values()]


def numbers(alarm: dict[str, Any]) -> dict[str, Any]:
    return {name: alarm.get(name) for name in OF_RULE}


def watched(stack: Stack, package: HandlerPackage, rules: MessagingAlarms) -> IdempotentReceiver:
    """A receiver behind a topic, a function that is invoked by a schedule, a pipe and an API."""
    notifier = DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(alarms=rules))
    channel = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=FIVE))
    props = IdempotentReceiverProps(package=package, channel=channel, dead_letter_notifier=notifier, alarms=None)
    receiver = IdempotentReceiver(stack, "Receiver", props)
    notifier.watch_subscription(TopicChannel(stack, "News").subscribe(channel))
    notifier.watch_runs(channel, receiver.handler.function)
    notifier.watch_pipe(channel, cloudwatch.Metric(namespace="AWS/EventBridge/Pipes", metric_name="ExecutionFailed"))
    notifier.watch_web_api(channel, cloudwatch.Metric(namespace="AWS/ApiGateway", metric_name="5xx"))
    return receiver


def test_each_rule_is_that_of_its_alarms(stack: Stack, package: HandlerPackage) -> None:
    each: dict[str, Any] = dict.fromkeys((*ALL, *ALL_OF_TICKS), RULE)
    rules = MessagingAlarms(message_age=AgeRule(age=Duration.minutes(9), minutes=4), **each)
    watched(stack, package, rules)

    found = {(each["MetricName"], each["Threshold"]): numbers(each) for each in alarms(stack)}
    age = found.pop(("ApproximateAgeOfOldestMessage", 540))
    assert (age["Threshold"], age["EvaluationPeriods"]) == (540, 4)
    missing = found.pop(("Invocations", 1))
    assert missing == {**OF_RULE, "Threshold": 1}
    assert set(map(str, found.values())) == {str(OF_RULE)}
    assert {name for name, _ in found} == {
        "ApproximateNumberOfMessagesVisible",
        "ConfigurationFaults",
        "FailuresAfterCommit",
        "Errors",
        "ExecutionFailed",
        "5xx",
    }


def test_alarms_that_are_left_out_are_not_made_and_the_own_checks_accept_that(
    stack: Stack, package: HandlerPackage
) -> None:
    none: dict[str, Any] = dict.fromkeys((*ALL, *ALL_OF_TICKS))
    rules = MessagingAlarms(message_age=None, **none)
    receiver = watched(stack, package, rules)

    assert alarms(stack) == []
    assert receiver.alarms == (None, None)
    assert (receiver.configuration_fault_alarm, receiver.failure_after_commit_alarm) == (None, None)
    dead_letter_queue = stack.node.find_child("Orders").node.find_child("DeadLetterQueue")
    assert "tsunagu::DeadLetterAlarm" in accepted(dead_letter_queue)


def test_more_topics_get_the_alarms_and_let_cloudwatch_publish(stack: Stack, package: HandlerPackage) -> None:
    team = sns.Topic(stack, "Team")
    watched(stack, package, MessagingAlarms(more_topics=[team]))

    [team_id] = [name for name in resources(stack, "AWS::SNS::Topic") if name.startswith("Team")]
    assert all({"Ref": team_id} in alarm["AlarmActions"] for alarm in alarms(stack))
    policies = [str(each["Properties"]) for each in resources(stack, "AWS::SNS::TopicPolicy").values()]
    assert any(team_id in policy and "cloudwatch.amazonaws.com" in policy for policy in policies)


def test_a_configuration_fault_stays_for_the_longest_pause_whatever_the_rule_says(
    stack: Stack, package: HandlerPackage
) -> None:
    watched(stack, package, MessagingAlarms(configuration_faults=AlarmRule(minutes=2, minutes_to_alarm=2)))

    (alarm,) = [each for each in alarms(stack) if each["MetricName"] == "ConfigurationFaults"]
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (20, 2)


@pytest.mark.parametrize("settings", [{"age": Duration.days(15)}, {"age": Duration.seconds(0)}, {"minutes": 0}])
def test_an_age_out_of_range_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidPropsError, match="must be between"):
        AgeRule(**settings)


def job(stack: Stack, package: HandlerPackage, **rules: Any) -> SingleFlightSchedule:
    props = SingleFlightScheduleProps(
        job="sync",
        package=package,
        schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
        handler_timeout=FIVE,
        job_alarms=JobAlarmRules(**rules),
    )
    return SingleFlightSchedule(stack, "Sync", props)


OF_JOB = ("run_failed", "run_timed_out", "run_aborted", "lease_not_released", "not_started")


def test_alarms_of_a_job_follow_their_rules(stack: Stack, package: HandlerPackage) -> None:
    topic = sns.Topic(stack, "Team")
    job(stack, package, more_topics=[topic], **dict.fromkeys(OF_JOB, RULE))

    ruled = {each["MetricName"] for each in alarms(stack) if numbers(each) == OF_RULE}
    assert ruled == {
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "ApproximateNumberOfMessagesVisible",
    }
    of_job = [each for each in alarms(stack) if " job sync" in each["AlarmDescription"]]
    assert {len(each["AlarmActions"]) for each in of_job} == {2}
    assert len(of_job) == 7


def test_alarms_of_a_job_can_be_left_out(stack: Stack, package: HandlerPackage) -> None:
    made = job(stack, package, run_too_long=False, no_success=False, **dict.fromkeys(OF_JOB))

    assert [each for each in alarms(stack) if " job sync" in each["AlarmDescription"]] == []
    assert made.alarms.run_failed is None
    assert "tsunagu::DeadLetterAlarm" in accepted(made.undelivered)


def accepted(construct: "IConstruct") -> str:
    """Findings of policy rules that are accepted for a construct."""
    return " ".join(
        str(rule) for entry in construct.node.metadata if isinstance(entry.data, dict) for rule in entry.data
    )
