"""The definitions are valid, every state can be reached, and every execution can end."""

import copy
import json
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from tsunagu.cdk.patterns.single_flight_definition import RunLimits, release_definition, run_definition

LIMITS = RunLimits(heartbeat_seconds=990, run_seconds=3_600, machine_seconds=3_900, lease_seconds=4_020)
DEFINITIONS = {"run": run_definition("sync", LIMITS), "release": release_definition("sync", 120)}
Definition = dict[str, Any]


def violations(definition: Definition) -> list[str]:
    """What cfn-lint says about a definition, by its schema of the Amazon States Language."""
    role = "arn:aws:iam::111122223333:role/machine"
    names = dict.fromkeys(("Table", "Queue", "Topic"), "name")
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "DefinitionString": json.dumps(definition),
            "DefinitionSubstitutions": names,
            "RoleArn": role,
        },
    }
    found = lint(json.dumps({"Resources": {"Machine": machine}}), config=ManualArgs(regions=["eu-central-1"]))
    return [match.message for match in found]


def next_states(state: dict[str, Any]) -> set[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {way["Next"] for way in ways if "Next" in way} | ({state["Default"]} if "Default" in state else set())


def reachable(definition: Definition, start: str) -> set[str]:
    found, waiting = set(), {start}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= next_states(definition["States"][name]) - found
    return found


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition_is_valid(name: str) -> None:
    assert violations(DEFINITIONS[name]) == []


@pytest.mark.parametrize(
    ("state", "field", "value"),
    [("Take", "Type", "Tusk"), ("Take", "Next", []), ("Release", "Parameters", {}), ("Skipped", "Next", "Send")],
)
def test_validator_sees_what_is_wrong(state: str, field: str, value: Any) -> None:
    broken = copy.deepcopy(DEFINITIONS["run"])

    broken["States"][state][field] = value

    assert violations(broken)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_state_can_be_reached_and_each_leads_to_an_end(name: str) -> None:
    definition = DEFINITIONS[name]
    states = definition["States"]
    ends = {state for state, described in states.items() if described["Type"] in {"Succeed", "Fail"}}

    assert reachable(definition, definition["StartAt"]) == states.keys()
    assert all(reachable(definition, state) & ends for state in states)


def test_message_is_never_sent_twice() -> None:
    assert "Retry" not in DEFINITIONS["run"]["States"]["Send"]


def test_whatever_the_send_comes_to_releases_the_lease() -> None:
    send = DEFINITIONS["run"]["States"]["Send"]

    assert next_states(send) == {"Release"}
    assert send["Catch"][0]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_refused_condition_is_an_answer_and_not_tried_again(name: str) -> None:
    updates = [each for each in DEFINITIONS[name]["States"].values() if "updateItem" in each.get("Resource", "")]

    assert updates
    for state in updates:
        assert "DynamoDB.ConditionalCheckFailedException" in state["Retry"][0]["ErrorEquals"]
        assert state["Retry"][0]["MaxAttempts"] == 0
        assert state["Catch"][0]["ErrorEquals"] == ["DynamoDB.ConditionalCheckFailedException"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_call_of_a_service_has_a_limit(name: str) -> None:
    tasks = [each for each in DEFINITIONS[name]["States"].values() if each["Type"] == "Task"]

    assert all(isinstance(each["TimeoutSeconds"], int) for each in tasks)
    assert all(each["Resource"].startswith("arn:aws:states:::") for each in tasks)
