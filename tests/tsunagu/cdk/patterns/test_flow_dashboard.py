"""A dashboard shows the metrics of every pattern, by the names that AWS and the runtime give them."""

import inspect
import json
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_sns as sns

from tests.tsunagu.cdk.constructs.synthesized import only
from tests.tsunagu.cdk.patterns.every_flow import every_flow, lone_channel, pipeline, receiver, schedule
from tsunagu.cdk import (
    FlowAlarms,
    FlowAlarmsProps,
    FlowDashboard,
    FlowDashboardProps,
    FlowMetrics,
    HandlerPackage,
    InvalidPropsError,
)

DASHBOARD = "AWS::CloudWatch::Dashboard"
FIVE_MINUTES = Duration.minutes(5)


def body(stack: Stack) -> dict[str, Any]:
    """The dashboard, with a name in place of each reference."""
    whole = only(stack, DASHBOARD)["Properties"]["DashboardBody"]
    parts = [each if isinstance(each, str) else "reference" for each in whole["Fn::Join"][1]]
    found: dict[str, Any] = json.loads("".join(parts))
    return found


def shown(panels: Any) -> dict[str, list[str]]:
    return {
        panel.title: [str(getattr(each, "metric_name", None) or each.label) for each in (*panel.metrics, *panel.right)]
        for panel in panels
    }


def test_each_flow_has_a_heading_and_its_graphs(stack: Stack, package: HandlerPackage) -> None:
    flows: list[FlowMetrics] = [receiver(stack, package), lone_channel(stack)]
    FlowDashboard(stack, "Dashboard", FlowDashboardProps(flows=flows))

    widgets = body(stack)["widgets"]
    assert [each["properties"].get("markdown") or each["properties"]["title"] for each in widgets] == [
        *("## Orders", "Messages", "Failures", "Queue", "Dead letters", "Function"),
        *("## Audit", "Queue", "Dead letters"),
    ]
    assert all(each["x"] + each["width"] <= 24 for each in widgets)
    assert {each["properties"]["period"] for each in widgets if each["type"] == "metric"} == {300}


def test_alarms_are_at_the_top(stack: Stack, package: HandlerPackage) -> None:
    flows = [receiver(stack, package)]
    alarms = FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=flows))
    FlowDashboard(stack, "Dashboard", FlowDashboardProps(flows=flows, alarms=alarms))

    first = body(stack)["widgets"][0]
    assert first["type"] == "alarm"
    assert len(first["properties"]["alarms"]) == 1 + len(alarms.existing) + len(alarms.added)


def test_dashboard_has_a_name_only_if_it_is_given_one(stack: Stack) -> None:
    channel = lone_channel(stack)
    FlowDashboard(stack, "Dashboard", FlowDashboardProps(flows=[channel], time_range=Duration.hours(3)))

    assert "DashboardName" not in only(stack, DASHBOARD)["Properties"]
    assert body(stack)["start"] == "-PT3H"


def test_all_kinds_of_flows_are_shown(stack: Stack, package: HandlerPackage) -> None:
    flows = every_flow(stack, package)
    FlowDashboard(stack, "Dashboard", FlowDashboardProps(flows=[*flows.values()]))

    headings = [each["properties"].get("markdown") for each in body(stack)["widgets"] if each["type"] == "text"]
    assert len(headings) == len(flows)


@pytest.mark.parametrize("kind", ["ServicePipeline", "Connector"])
def test_a_pipeline_has_a_line_for_each_service(stack: Stack, package: HandlerPackage, kind: str) -> None:
    made = every_flow(stack, package)[kind]

    lines = {panel.title: len(panel.metrics) for panel in made.metric_panels(FIVE_MINUTES)}
    assert {lines[title] for title in ("Messages", "Attempts failed", "Queues", "Dead letters")} == {2}


def test_panels_of_a_job_are_runs_and_its_worker(stack: Stack, package: HandlerPackage) -> None:
    found = shown(schedule(stack, package).metric_panels(FIVE_MINUTES))

    assert found["Runs"] == [
        *("RunsSucceeded", "RunsSkipped", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"),
        "ExecutionTime",
    ]
    assert "MessagesProcessed" in found["Worker: Messages"]


def test_panels_of_a_receiver_have_the_names_of_aws_and_of_the_runtime(stack: Stack, package: HandlerPackage) -> None:
    assert shown(receiver(stack, package).metric_panels(FIVE_MINUTES)) == {
        "Messages": ["MessagesProcessed", "DuplicatesSkipped", "MessagesSent", "MessagesReturned"],
        "Failures": [
            *("AttemptsFailed", "MessagesDeadLettered", "CallsFailed"),
            *("LeasesLost", "ConfigurationFaults", "FailuresAfterCommit"),
        ],
        "Queue": [
            *("ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"),
            "ApproximateAgeOfOldestMessage",
        ],
        "Dead letters": ["ApproximateNumberOfMessagesVisible"],
        "Function": ["Invocations", "Errors", "Throttles", "Duration"],
    }


@pytest.mark.parametrize("delivery", ["AsyncRequestApi", "AsyncRequestApi of events"])
def test_panels_of_requests_are_the_way_of_a_request(stack: Stack, package: HandlerPackage, delivery: str) -> None:
    made = every_flow(stack, package)[delivery]
    found = shown(made.metric_panels(FIVE_MINUTES))

    assert found["API"] == ["Count", "4XXError", "5XXError", "Latency"]
    assert found["Sweeper: Requests"] == ["RequestsResent", "RequestsFailed"]
    assert "MessagesProcessed" in found["Worker: Messages"]
    assert ("Pipe" in found) == (delivery == "AsyncRequestApi") == (len(made.queue_channels()) == 1)


def test_every_metric_of_every_flow_is_one_of_cloudwatch(stack: Stack, package: HandlerPackage) -> None:
    for made in every_flow(stack, package).values():
        for name, method in inspect.getmembers(made, inspect.ismethod):
            if name.startswith("metric_") and name != "metric_panels":
                metric = method(period=FIVE_MINUTES)
                assert metric.period.to_seconds() == 300, name
                assert stack.resolve(getattr(metric, "metric_name", None) or metric.expression), name


def test_age_of_a_pipeline_is_that_of_its_oldest_message(stack: Stack, package: HandlerPackage) -> None:
    made = pipeline(stack, package)

    assert made.metric_oldest_message_age().expression == "MAX(METRICS())"
    assert made.metric_dead_letters_visible().expression == "SUM(METRICS())"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"flows": []}, "flows must have at least one flow, got none"),
        ({"period": Duration.seconds(30)}, "period must be between 60 and 86,400 seconds, got 30"),
        ({"time_range": Duration.minutes(5)}, "time_range must be between 3,600 and 2,592,000 seconds, got 300"),
    ],
)
def test_settings_out_of_range_are_refused(stack: Stack, settings: Any, sentence: str) -> None:
    with pytest.raises(InvalidPropsError, match=sentence):
        FlowDashboardProps(**{"flows": [lone_channel(stack)], **settings})


def test_what_is_no_flow_is_refused(stack: Stack) -> None:
    topic: Any = sns.Topic(stack, "Team")

    with pytest.raises(InvalidPropsError, match="flows must be of type FlowMetrics, got Topic Stack/Team"):
        FlowDashboardProps(flows=[topic])


def test_the_protocol_is_met_by_type_too(stack: Stack, package: HandlerPackage) -> None:
    flows: list[FlowMetrics] = [receiver(stack, package), lone_channel(stack)]

    assert [len(flow.queue_channels()) for flow in flows] == [1, 1]
