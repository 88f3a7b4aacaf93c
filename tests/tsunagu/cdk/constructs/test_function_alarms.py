"""Alarms on functions, and the metrics of receivers and pipelines."""

from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_sns as sns

from tests.tsunagu.cdk.constructs.synthesized import resources
from tsunagu.cdk import (
    AlarmRule,
    AsyncRequestApi,
    AsyncRequestApiProps,
    FunctionAlarms,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    InvalidPropsError,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    Step,
)

FIVE = Duration.seconds(5)
KINDS = {"Errors", "Throttles", "CallsFailed", "LeasesLost"}


def receiver(stack: Stack, package: HandlerPackage, **settings: Any) -> IdempotentReceiver:
    channel = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=FIVE))
    props = IdempotentReceiverProps(package=package, channel=channel, **settings)
    return IdempotentReceiver(stack, "Receiver", props)


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    found = [each["Properties"] for each in resources(stack, "AWS::CloudWatch::Alarm").values()]
    return {each["MetricName"]: each for each in found if each["MetricName"] in KINDS}


def test_a_receiver_has_alarms_on_its_function_that_notify_operators(stack: Stack, package: HandlerPackage) -> None:
    made = receiver(stack, package)

    assert set(alarms(stack)) == KINDS
    assert set(made.function_alarms) == {"errors", "throttles", "failed_calls", "lost_leases"}
    assert all(len(each["AlarmActions"]) == 1 for each in alarms(stack).values())
    looked_at = {name: (each["DatapointsToAlarm"], each["EvaluationPeriods"]) for name, each in alarms(stack).items()}
    assert looked_at == {"Errors": (3, 5), "Throttles": (3, 5), "CallsFailed": (3, 5), "LeasesLost": (1, 1)}
    [dimension] = alarms(stack)["CallsFailed"]["Dimensions"]
    assert dimension["Name"] == "function_name"
    assert "Ref" in dimension["Value"]


def test_thresholds_and_targets_are_those_of_the_props(stack: Stack, package: HandlerPackage) -> None:
    topic = sns.Topic(stack, "Team")
    rule = AlarmRule(threshold=10, minutes=15, minutes_to_alarm=2)
    receiver(stack, package, alarms=FunctionAlarms(errors=rule, throttles=None, more_topics=[topic]))

    assert set(alarms(stack)) == KINDS - {"Throttles"}
    errors = alarms(stack)["Errors"]
    assert (errors["Threshold"], errors["EvaluationPeriods"], errors["DatapointsToAlarm"]) == (10, 15, 2)
    assert len(errors["AlarmActions"]) == 2


def test_none_leaves_all_of_them_out(stack: Stack, package: HandlerPackage) -> None:
    assert receiver(stack, package, alarms=None).function_alarms == {}
    assert alarms(stack) == {}


def test_more_minutes_than_are_looked_at_are_refused() -> None:
    with pytest.raises(InvalidPropsError, match="minutes_to_alarm must be at most the 5 minutes, got 6"):
        AlarmRule(minutes_to_alarm=6)


def test_workers_of_events_have_the_alarms_too(stack: Stack, package: HandlerPackage) -> None:
    worker = ReceiverSettings(package=package)
    props = AsyncRequestApiProps(name="reports", worker=worker, timeout=FIVE, delivery="lambda_event")
    AsyncRequestApi(stack, "Reports", props)

    assert set(alarms(stack)) >= KINDS


def test_metrics_are_those_of_the_function_and_of_all_services(stack: Stack, package: HandlerPackage) -> None:
    made = receiver(stack, package)
    metrics = [
        made.metric_messages_processed(),
        made.metric_duplicates_skipped(),
        made.metric_attempts_failed(),
        made.metric_messages_dead_lettered(),
        made.metric_calls_failed(period=Duration.minutes(5)),
        made.metric_leases_lost(),
        made.metric_messages_parked(),
    ]
    assert [each.metric_name for each in metrics] == [
        "MessagesProcessed",
        "DuplicatesSkipped",
        "AttemptsFailed",
        "MessagesDeadLettered",
        "CallsFailed",
        "LeasesLost",
        "MessagesParked",
    ]
    assert metrics[4].period.to_seconds() == 300
    assert set(metrics[0].dimensions or {}) == {"function_name"}


def test_metrics_of_a_pipeline_are_sums_over_its_services(stack: Stack, package: HandlerPackage) -> None:
    services = [Service(package=package, name=name) for name in ("billing", "stock")]
    props = ServicePipelineProps(
        name="orders",
        preprocessor=HandlerFunctionProps(package=package, timeout=FIVE),
        steps=[Step(name="reserve", services=services)],
        preprocessor_alarms=None,
        unfinished_runs=None,
    )
    pipeline = ServicePipeline(stack, "Orders", props)

    for metric in (
        pipeline.metric_messages_processed(),
        pipeline.metric_attempts_failed(),
        pipeline.metric_messages_dead_lettered(period=Duration.minutes(5)),
    ):
        assert metric.expression == "SUM(METRICS())"
        assert len(metric.using_metrics or {}) == 2
    errors = [each for each in resources(stack, "AWS::CloudWatch::Alarm").values() if "Errors" in str(each)]
    assert len(errors) == 2  # of the services, and none of the preprocessor
