"""A task that nobody waits for any more harms neither the effect nor its group."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.correctness.desks import Desk
from tsunagu.testing.patience import eventually

StartTask = Callable[[Desk, dict[str, str], int], str]  # the order without its token, the task's time-out in seconds


@pytest.fixture
def start_task() -> StartTask:
    """Start an execution that sends an order to a desk, and waits for the outcome of its task."""

    def start(desk: Desk, order: dict[str, str], timeout_seconds: int) -> str:
        iam, states = desk.cloud.client("iam"), desk.cloud.client("stepfunctions")
        name = f"task-{uuid4()}"
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy("sts:AssumeRole", None))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=policy("sqs:SendMessage", "*"))
        definition = json.dumps({"StartAt": "Ask", "States": {"Ask": asking(desk, order, timeout_seconds)}})
        machine = states.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
        execution: str = states.start_execution(stateMachineArn=machine)["executionArn"]
        return execution

    return start


def asking(desk: Desk, order: dict[str, str], timeout_seconds: int) -> dict[str, object]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "TimeoutSeconds": timeout_seconds,
        "Parameters": {
            "QueueUrl": desk.queue_url,
            "MessageBody": {**order, "token.$": "$$.Task.Token"},
            "MessageGroupId": "told",
            "MessageDeduplicationId": order["key"],
        },
        "End": True,
    }


def policy(action: str, resource: str | None) -> str:
    who = {"Principal": {"Service": "states.amazonaws.com"}} if resource is None else {"Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **who}]})


def outcome(desk: Desk, execution: str) -> str:
    def ended() -> str | None:
        status: str = desk.cloud.client("stepfunctions").describe_execution(executionArn=execution)["status"]
        return None if status == "RUNNING" else status

    return eventually(ended) or ""


@pytest.mark.parametrize("action", ["tell", "beat"])
def test_a_task_that_waits_is_told_its_outcome(desks: dict[str, Desk], start_task: StartTask, action: str) -> None:
    desk = desks["FifoTransaction"]

    execution = start_task(desk, {"key": f"{action}-in-time", "action": action}, 60)

    assert outcome(desk, execution) == "SUCCEEDED"
    desk.wait_until_empty()
    assert desk.effects([f"{action}-in-time"]) == [1]


def test_a_spent_token_dead_letters_its_message_with_one_effect_and_frees_its_group(
    desks: dict[str, Desk], start_task: StartTask
) -> None:
    desk, before = desks["FifoTransaction"], desks["FifoTransaction"].dead_keys()

    with desk.held():
        execution = start_task(desk, {"key": "too-late", "action": "tell"}, 1)
        assert outcome(desk, execution) in {"FAILED", "TIMED_OUT"}
        desk.send({"key": "behind"}, group="told")
    desk.wait_until_empty()

    assert desk.effects(["too-late", "behind"]) == [1, 1]
    assert desk.dead_keys() == sorted([*before, "too-late"])
    (letter,) = [letter for letter in desk.dead_letters() if "too-late" in letter.body]
    assert "Task" in str(letter.reason)


def test_a_heartbeat_for_a_spent_token_dead_letters_its_message_without_an_effect_and_frees_its_group(
    desks: dict[str, Desk], start_task: StartTask
) -> None:
    desk, before = desks["FifoTransaction"], desks["FifoTransaction"].dead_keys()

    with desk.held():
        execution = start_task(desk, {"key": "given-up", "action": "beat"}, 1)
        assert outcome(desk, execution) in {"FAILED", "TIMED_OUT"}
        desk.send({"key": "behind-it"}, group="told")
    desk.wait_until_empty()

    assert desk.effects(["given-up", "behind-it"]) == [0, 1]
    assert desk.dead_keys() == sorted([*before, "given-up"])
    (letter,) = [letter for letter in desk.dead_letters() if "given-up" in letter.body]
    assert letter.reason == "a task must wait for its outcome when a heartbeat is sent, got TaskTimedOut"
