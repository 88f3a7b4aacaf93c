"""Describes state machines for CloudFormation, and runs them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.tsunagu.local.rest_api import service_role
from tsunagu.local.embedded_cloud import EmbeddedCloud

Resources = dict[str, dict[str, Any]]
State = dict[str, Any]


def task(resource: str, arguments: dict[str, Any], **fields: Any) -> State:
    """Describe a task that ends the execution."""
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True} | fields


def wait_for_token(**fields: Any) -> State:
    """Describe a task that sends its token to a FIFO queue, and waits."""
    arguments = {
        "QueueUrl": "${Queue}",
        "MessageGroupId": "g",
        "MessageDeduplicationId": "{% $states.context.Execution.Name & $string($states.context.State.RetryCount) %}",
        "MessageBody": {"token": "{% $states.context.Task.Token %}", "name": "{% $states.context.Execution.Name %}"},
    }
    return task("sqs:sendMessage.waitForTaskToken", arguments, **fields)


def machine(
    *statements: dict[str, Any],
    substitutions: dict[str, Any] | None = None,
    timeout_seconds: int | None = None,
    **states: State,
) -> Resources:
    """Return the resources `Machine` and `MachineRole`; the machine starts with the first state.

    Args:
        statements: Permissions of the machine.
        substitutions: What stands for `${Name}` in the states.
        timeout_seconds: Time-out of an execution. Default: none.
        states: States by name.
    """
    definition: dict[str, Any] = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    if timeout_seconds is not None:
        definition["TimeoutSeconds"] = timeout_seconds
    properties = {
        "DefinitionString": json.dumps(definition),
        "DefinitionSubstitutions": substitutions or {},
        "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
    }
    return {
        "MachineRole": service_role("states", *statements),
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "DependsOn": ["MachineRole"], "Properties": properties},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A deployed machine, and the queue to which it sends tokens."""

    cloud: EmbeddedCloud
    ids: dict[str, str]
    eventually: Callable[..., Any]
    received: list[dict[str, Any]] = field(default_factory=list)

    @property
    def client(self) -> Any:
        return self.cloud.client("stepfunctions")

    def start(self, **given: Any) -> str:
        answer = self.client.start_execution(stateMachineArn=self.ids["Machine"], input=json.dumps(given))
        return str(answer["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution, and return its description."""

        def look() -> dict[str, Any] | None:
            described: dict[str, Any] = self.client.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        ended: dict[str, Any] = self.eventually(look, seconds=20)
        return ended

    def run(self, **given: Any) -> dict[str, Any]:
        return self.end(self.start(**given))

    def token(self, execution: str, *, number: int = 0) -> str:
        """Wait for a message of an execution, and return its token; `number` counts the messages from 0."""
        messages = self.eventually(lambda: self.messages(execution)[number:], seconds=20)
        return str(messages[0]["token"])

    def messages(self, execution: str) -> list[dict[str, Any]]:
        """Take what is in the queue, and return all that was ever received of an execution."""
        sqs, url = self.cloud.client("sqs"), self.ids["Queue"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            self.received.append(json.loads(message["Body"]))
        name = execution.rsplit(":", 1)[-1]
        return [body for body in self.received if body["name"] == name]
