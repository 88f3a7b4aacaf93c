"""Alarms over flows: they reuse what there is, add what is missing, and are together one alarm."""

import json
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from cfnlint.api import lint  # type: ignore[import-untyped]

from tests.tsunagu.cdk.constructs.synthesized import resources
from tests.tsunagu.cdk.patterns.every_flow import every_flow, lone_channel, pipeline, receiver
from tsunagu.cdk import (
    AlarmRule,
    DeadLetterNotifier,
    FlowAlarms,
    FlowAlarmsProps,
    FlowMetrics,
    HandlerPackage,
    InvalidPropsError,
    QueueBacklog,
)
from tsunagu.cdk.patterns.flow_alarms import ALARMS_PER_RULE

ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"


def added(stack: Stack, scope: str = "Alarms") -> dict[str, dict[str, Any]]:
    """Alarms that were made there, by their ids without the hash."""
    found = resources(stack, ALARM)
    return {name[len(scope) : -8]: each["Properties"] for name, each in found.items() if name.startswith(scope)}


def test_a_receiver_gets_what_it_lacks_and_no_alarm_twice(stack: Stack, package: HandlerPackage) -> None:
    made = receiver(stack, package)

    alarms = FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[made]))

    assert set(added(stack)) == {
        "OrdersChannelBacklog",
        "OrdersFailedAttempts",
        "OrdersDeadLetterNotifierFailedNotifications",
    }
    assert len(alarms.added) == 3
    assert len(alarms.existing) == len(resources(stack, ALARM)) - 3
    assert {*made.alarms, made.configuration_fault_alarm} <= set(alarms.existing)


def test_a_channel_without_a_receiver_gets_all_alarms(stack: Stack) -> None:
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[lone_channel(stack)]))

    found = added(stack)
    assert set(found) == {"AuditDeadLetters", "AuditOldestMessageAge", "AuditBacklog"}
    assert found["AuditDeadLetters"]["Threshold"] == 1
    assert found["AuditOldestMessageAge"]["Threshold"] == 86_400 // 4


def test_a_stated_age_is_an_alarm_of_its_own(stack: Stack, package: HandlerPackage) -> None:
    made = receiver(stack, package)

    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[made], oldest_message_age=Duration.minutes(10)))

    assert added(stack)["OrdersChannelOldestMessageAge"]["Threshold"] == 600


def test_backlog_is_a_queue_whose_messages_are_not_fewer_after_some_time(stack: Stack) -> None:
    backlog = QueueBacklog(messages=7, periods=3)
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[lone_channel(stack)], backlog=backlog))

    found = added(stack)["AuditBacklog"]
    expression, *metrics = found["Metrics"]
    assert expression["Expression"] == "IF(waiting >= 7 AND FILL(deleted, 0) <= FILL(sent, 0), 1, 0)"
    assert {
        each["Id"]: (each["MetricStat"]["Metric"]["MetricName"], each["MetricStat"]["Stat"]) for each in metrics
    } == {
        "waiting": ("ApproximateNumberOfMessagesVisible", "Minimum"),
        "deleted": ("NumberOfMessagesDeleted", "Sum"),
        "sent": ("NumberOfMessagesSent", "Sum"),
    }
    assert {each["MetricStat"]["Period"] for each in metrics} == {300}
    assert (found["EvaluationPeriods"], found["Threshold"]) == (3, 1)


def test_notifications_that_fail_are_an_alarm(stack: Stack) -> None:
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[DeadLetterNotifier(stack, "Notifier")]))

    [found] = added(stack).values()
    assert found["MetricName"] == "NumberOfNotificationsFailed"


@pytest.mark.parametrize("left_out", ["dead_letters", "oldest_message_age", "backlog"])
def test_none_leaves_an_alarm_out(stack: Stack, left_out: str) -> None:
    settings: dict[str, Any] = {left_out: None}
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[lone_channel(stack)], **settings))

    assert len(added(stack)) == 2


def test_none_leaves_out_the_alarms_on_attempts_and_notifications(stack: Stack, package: HandlerPackage) -> None:
    flows: list[FlowMetrics] = [receiver(stack, package), DeadLetterNotifier(stack, "Notifier")]
    props = FlowAlarmsProps(flows=flows, failed_attempts=None, notifications_failed=None, backlog=None)

    assert FlowAlarms(stack, "Alarms", props).added == []


def test_thresholds_are_those_of_the_rules(stack: Stack, package: HandlerPackage) -> None:
    rule = AlarmRule(threshold=3, minutes=9, minutes_to_alarm=4)
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[receiver(stack, package)], failed_attempts=rule))

    found = added(stack)["OrdersFailedAttempts"]
    assert (found["Threshold"], found["EvaluationPeriods"], found["DatapointsToAlarm"]) == (3, 9, 4)


def test_a_threshold_may_be_one_that_only_the_deployment_knows(stack: Stack, package: HandlerPackage) -> None:
    most: Any = CfnParameter(stack, "Most", type="Number").value_as_number
    rule = AlarmRule(threshold=most)
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[receiver(stack, package)], failed_attempts=rule))

    assert added(stack)["OrdersFailedAttempts"]["Threshold"] == {"Ref": "Most"}


def test_topics_get_what_is_made_here_and_others_the_alarm_over_everything(stack: Stack) -> None:
    team, duty = sns.Topic(stack, "Team"), sns.Topic(stack, "Duty")
    props = FlowAlarmsProps(flows=[lone_channel(stack)], topics=[team], health_topics=[duty])
    FlowAlarms(stack, "Alarms", props)

    assert all(each["AlarmActions"] == [stack.resolve(team.topic_arn)] for each in added(stack).values())
    [health] = resources(stack, COMPOSITE).values()
    assert health["Properties"]["AlarmActions"] == [stack.resolve(duty.topic_arn)]


def test_flows_are_healthy_while_none_of_all_alarms_is_raised(stack: Stack, package: HandlerPackage) -> None:
    alarms = FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[receiver(stack, package)]))

    rule = json.dumps(stack.resolve(resources(stack, COMPOSITE)))
    for alarm in resources(stack, ALARM):
        assert rule.count(f'"{alarm}"') == 1
    assert rule.count("ALARM(") == len(alarms.existing) + len(alarms.added) == len(resources(stack, ALARM))
    assert " OR " in rule


def test_many_alarms_are_parts_of_one_alarm(stack: Stack, package: HandlerPackage) -> None:
    alarms = FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[pipeline(stack, package, services=6)]))

    count = len(alarms.existing) + len(alarms.added)
    composites = resources(stack, COMPOSITE)
    assert count > ALARMS_PER_RULE
    assert len(composites) == 1 + -(-count // ALARMS_PER_RULE)
    rules = {name: json.dumps(each["Properties"]["AlarmRule"]) for name, each in composites.items()}
    assert all(rule.count("ALARM(") <= ALARMS_PER_RULE for rule in rules.values())
    [health] = [rule for name, rule in rules.items() if "Health" in name]
    assert all(f'"{name}"' in health for name in composites if "Part" in name)


def test_a_flow_that_is_given_twice_counts_once(stack: Stack) -> None:
    channel = lone_channel(stack)

    assert len(FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[channel, channel])).added) == 3


def test_all_kinds_of_flows_are_watched_and_cfn_lint_finds_nothing(stack: Stack, package: HandlerPackage) -> None:
    FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[*every_flow(stack, package).values()]))

    template = {ALARM: resources(stack, ALARM), COMPOSITE: resources(stack, COMPOSITE)}
    assert not lint(json.dumps({"Resources": {**resources_of(stack, template)}}))


def resources_of(stack: Stack, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The alarms alone, with names in place of references to other resources."""
    alarms = {name: each for group in found.values() for name, each in group.items()}
    text = json.dumps(stack.resolve(alarms))
    return {name: masked(each, set(alarms)) for name, each in json.loads(text).items()}


def masked(value: Any, kept: set[str]) -> Any:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return value if name in kept or name.startswith("AWS::") else "arn:aws:sns:eu-west-1:111111111111:name"
        case dict():
            return {name: masked(entry, kept) for name, entry in value.items()}
        case list():
            return [masked(entry, kept) for entry in value]
    return value


def test_what_is_no_flow_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match="flows must be of type FlowMetrics, got Topic Stack/Team"):
        FlowAlarmsProps(flows=[sns.Topic(stack, "Team")])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"flows": []}, "flows must have at least one flow, got none"),
        ({"oldest_message_age": Duration.days(15)}, "oldest_message_age must be between 60 and 1,209,600 seconds"),
        ({"oldest_message_age": "soon"}, "oldest_message_age must be"),
    ],
)
def test_settings_out_of_range_are_refused(stack: Stack, settings: Any, sentence: str) -> None:
    with pytest.raises(InvalidPropsError, match=sentence):
        FlowAlarmsProps(**{"flows": [lone_channel(stack)], **settings})


def test_a_backlog_must_be_known(stack: Stack) -> None:
    number: Any = CfnParameter(stack, "Most", type="Number").value_as_number

    with pytest.raises(InvalidPropsError, match="messages must be known when the app is synthesized"):
        QueueBacklog(messages=number)


@pytest.mark.parametrize("prop", ["topics", "health_topics"])
def test_topics_to_which_alarms_cannot_publish_are_refused(stack: Stack, prop: str) -> None:
    fifo = sns.Topic(stack, "Fifo", fifo=True)
    of_aws = sns.Topic(stack, "Aws", master_key=kms.Alias.from_alias_name(stack, "Key", "alias/aws/sns"))

    for topic, sentence in ((fifo, "must be a standard topic"), (of_aws, "the key of")):
        settings: dict[str, Any] = {"flows": [], prop: [topic]}
        with pytest.raises(InvalidPropsError, match=sentence):
            FlowAlarmsProps(**settings)
