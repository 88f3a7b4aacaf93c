"""Schedules and rules: when they start their target, with which input, and with whose permissions."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.tsunagu.local.machines import machine
from tests.tsunagu.local.rest_api import allow, service_role
from tsunagu.local.embedded_cloud import EmbeddedCloud

Resources = dict[str, dict[str, Any]]

INPUT = {"slot": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>"}
SLOT = "%Y-%m-%dT%H:%M:%SZ"
TOKYO = ZoneInfo("Asia/Tokyo")
MACHINE = {"Ref": "Machine"}
DEAD_LETTERS = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
EVENT = {"Source": "probe.rules", "DetailType": "probe", "Detail": "{}"}


def schedule(name: str, expression: str, **properties: Any) -> dict[str, Any]:
    """Describe a schedule whose role may start the machine."""
    target = {
        "Arn": MACHINE,
        "RoleArn": {"Fn::GetAtt": [properties.pop("role", "SchedulerRole"), "Arn"]},
        "Input": json.dumps(INPUT | {"by": name}),
        "DeadLetterConfig": {"Arn": DEAD_LETTERS},
    }
    described = {"ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    return {"Type": "AWS::Scheduler::Schedule", "DependsOn": ["SchedulerRole"], "Properties": described | properties}


def at(time: datetime) -> str:
    return f"at({time.replace(tzinfo=None).isoformat(timespec='seconds')})"


def build() -> Resources:
    tokyo = datetime.now(TOKYO)
    send = allow("sqs:SendMessage", DEAD_LETTERS)
    pattern = {"source": ["probe.rules"]}
    target = {"Id": "Machine", "Arn": MACHINE, "RoleArn": {"Fn::GetAtt": ["RuleRole", "Arn"]}}
    denied = target | {"RoleArn": {"Fn::GetAtt": ["Powerless", "Arn"]}, "DeadLetterConfig": {"Arn": DEAD_LETTERS}}
    rules = {
        name: {
            "Type": "AWS::Events::Rule",
            "DependsOn": ["RuleRole", "Powerless"],
            "Properties": {"EventPattern": pattern, "Targets": [entry]},
        }
        for name, entry in (("Rule", target | {"Input": '{"by": "rule"}'}), ("DeniedRule", denied))
    }
    return {
        **machine(Keep={"Type": "Pass", "End": True}),
        "DeadLetters": {"Type": "AWS::SQS::Queue"},
        "SchedulerRole": service_role("scheduler", allow("states:StartExecution", MACHINE), send),
        "Untrusting": service_role("events", allow("states:StartExecution", MACHINE), send),
        "Bare": service_role("scheduler", send),
        "RuleRole": service_role("events", allow("states:StartExecution", MACHINE)),
        "Powerless": service_role("events", allow("sqs:ListQueues", "*")),
        "Rate": schedule("rate", "rate(1 hour)"),
        "Disabled": schedule("disabled", "rate(1 hour)", State="DISABLED"),
        "Once": schedule("once", at(tokyo), ScheduleExpressionTimezone="Asia/Tokyo"),
        "Later": schedule("later", at(tokyo)),  # nine hours later, because it is in UTC
        "Begins": schedule("begins", "rate(1 hour)", StartDate=(tokyo + timedelta(days=1)).isoformat()),
        "Denied": schedule("denied", "rate(1 hour)", role="Bare"),
        "Untrusted": schedule("untrusted", "rate(1 hour)", role="Untrusting"),
        **rules,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A machine that schedules and rules start."""

    cloud: EmbeddedCloud
    ids: dict[str, str]
    eventually: Callable[..., Any]

    def inputs(self, by: str) -> list[dict[str, Any]]:
        client = self.cloud.client("stepfunctions")
        executions = client.list_executions(stateMachineArn=self.ids["Machine"])["executions"]
        described = [client.describe_execution(executionArn=entry["executionArn"]) for entry in executions]
        return [given for entry in described if (given := json.loads(entry["input"])).get("by") == by]

    def started(self, by: str) -> dict[str, Any]:
        """Wait for the first execution, and return its input."""
        found: list[dict[str, Any]] = self.eventually(lambda: self.inputs(by), seconds=20)
        return found[0]

    def dead_letter(self, attribute: str, value: str) -> dict[str, Any]:
        """Wait for a dead letter with this attribute."""
        sqs, url = self.cloud.client("sqs"), self.ids["DeadLetters"]

        def look() -> dict[str, Any] | None:
            request = {"QueueUrl": url, "MessageAttributeNames": ["All"], "MaxNumberOfMessages": 10}
            messages = sqs.receive_message(**request, VisibilityTimeout=0).get("Messages", [])
            named = [(entry["MessageAttributes"].get(attribute, {}), entry) for entry in messages]
            return next((entry for found, entry in named if found.get("StringValue") == value), None)

        found: dict[str, Any] = self.eventually(look, seconds=20)
        return found

    def rule_arn(self, name: str) -> str:
        return f"arn:aws:events:us-east-1:000000000000:rule/{self.ids[name]}"

    def arn(self, name: str) -> str:
        return f"arn:aws:scheduler:us-east-1:000000000000:schedule/default/{self.ids[name]}"


@pytest.fixture(scope="module")
def deployed(cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any]) -> Deployed:
    return Deployed(cloud=cloud, ids=deploy(build()), eventually=eventually)


def test_rate_begins_at_once_and_fills_in_the_scheduled_time(deployed: Deployed) -> None:
    given = deployed.started("rate")

    slot = datetime.strptime(given["slot"], SLOT).replace(tzinfo=UTC)
    assert datetime.now(UTC) - slot < timedelta(minutes=5)
    assert not given["id"].startswith("<")


def test_time_is_that_of_the_time_zone(deployed: Deployed) -> None:
    given = deployed.started("once")

    assert given["slot"] <= datetime.now(UTC).strftime(SLOT)
    described = deployed.cloud.client("scheduler").get_schedule(Name=deployed.ids["Once"])
    assert described["ScheduleExpressionTimezone"] == "Asia/Tokyo"


def test_schedule_that_is_disabled_or_not_due_starts_nothing(deployed: Deployed) -> None:
    deployed.started("rate")
    deployed.started("once")

    assert [deployed.inputs(name) for name in ("disabled", "later", "begins")] == [[], [], []]


def test_schedule_without_a_permission_dead_letters_its_input(deployed: Deployed) -> None:
    letter = deployed.dead_letter("SCHEDULE_ARN", deployed.arn("Denied"))

    assert json.loads(letter["Body"])["by"] == "denied"
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    assert "states:StartExecution" in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert deployed.inputs("denied") == deployed.inputs("untrusted") == []


def test_rule_starts_an_execution_with_its_role_and_dead_letters_what_it_may_not_start(deployed: Deployed) -> None:
    deployed.cloud.client("events").put_events(Entries=[EVENT])

    assert deployed.started("rule") == {"by": "rule"}
    letter = deployed.dead_letter("RULE_ARN", deployed.rule_arn("DeniedRule"))
    assert "states:StartExecution" in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
