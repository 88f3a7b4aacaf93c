"""Whose dead letters a queue keeps: of a queue, a subscription, a function, a schedule, a rule or a pipe."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from tsunagu.operations.deployed_functions import DeployedFunction
from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.reader import Reader

SUBSCRIPTION, SCHEDULE, RULE = "AWS::SNS::Subscription", "AWS::Scheduler::Schedule", "AWS::Events::Rule"
_DEFAULT_GROUP = "default"

_Read = Callable[[Reader, StackResource], "Iterator[tuple[str, Origin]]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where dead letters come from, and so where they could go back to.

    Attributes:
        kind: `queue`: SQS or a receiver moved messages of it. `subscription`: SNS could not deliver. `function`:
            Lambda gave up asynchronous invocations. `schedule` and `rule`: a target could not be invoked.
        name: What operators call it.
        arn: ARN of the queue, the subscription, the function, the schedule or the rule.
        url: URL of the queue; "" for another kind.
        target: What could not be reached: the endpoint of a subscription, the target of a schedule; "" for others.
    """

    kind: Literal["queue", "subscription", "function", "schedule", "rule"]
    name: str
    arn: str
    url: str = ""
    target: str = ""


def redrive_target(policy: str) -> tuple[str, int | None]:
    """Return dead-letter queue and receive count of a redrive policy in JSON; "" and None where there is none."""
    try:
        found = json.loads(policy) if policy else {}
    except ValueError:
        found = {}
    if not isinstance(found, Mapping):
        return "", None
    count = found.get("maxReceiveCount")
    return str(found.get("deadLetterTargetArn", "")), None if count is None else int(count)


def origins_outside_queues(
    reader: Reader, inventory: StackInventory, functions: Iterable[DeployedFunction]
) -> Iterator[tuple[str, Origin]]:
    """Yield ARN of a dead-letter queue and origin, for what is no queue.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
        functions: Its functions.
    """
    for function in functions:
        for target in {function.dead_letter_arn, function.on_failure_arn} - {""}:
            yield target, Origin(kind="function", name=function.label, arn=function.name)
    for resource_type, read in ((SUBSCRIPTION, _subscription), (SCHEDULE, _schedule), (RULE, _rule)):
        made = [resource for resource in inventory.of_type(resource_type) if resource.physical_id]
        for found in reader.map(partial(_listed, reader, read), made):
            yield from found


def _subscription(reader: Reader, resource: StackResource) -> Iterator[tuple[str, Origin]]:
    arn, nothing = resource.physical_id, dict[str, str]()
    attributes = reader.read(
        lambda: reader.aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"], nothing
    )
    target, _ = redrive_target(attributes.get("RedrivePolicy", ""))
    if target:
        endpoint = attributes.get("Endpoint", "")
        yield target, Origin(kind="subscription", name=_name(resource), arn=arn, target=endpoint)


def _listed(reader: Reader, read: _Read, resource: StackResource) -> list[tuple[str, Origin]]:
    return [*read(reader, resource)]


def schedule_of(reader: Reader, resource: StackResource) -> Mapping[str, Any]:
    """Return a schedule as EventBridge Scheduler has it; nothing where it may not be read.

    Args:
        reader: Reads from AWS.
        resource: Its resource in a stack.
    """
    nothing: Mapping[str, Any] = {}
    group = resource.properties.get("GroupName", _DEFAULT_GROUP)
    if not isinstance(group, str):  # a reference: the name of the group is that of a resource
        return nothing
    # Some versions of the resource have the group before the name.
    name = resource.physical_id.rpartition("|")[2].rpartition("/")[2]
    return reader.read(lambda: reader.aws.client("scheduler").get_schedule(Name=name, GroupName=group), nothing)


def _schedule(reader: Reader, resource: StackResource) -> Iterator[tuple[str, Origin]]:
    found = schedule_of(reader, resource)
    target = found.get("Target", {}).get("DeadLetterConfig", {}).get("Arn", "")
    if target:
        origin = Origin(kind="schedule", name=_name(resource), arn=found["Arn"], target=found["Target"].get("Arn", ""))
        yield target, origin


def _rule(reader: Reader, resource: StackResource) -> Iterator[tuple[str, Origin]]:
    # Of a rule on another bus: `bus|rule`.
    bus, _, name = resource.physical_id.rpartition("|")
    named = {"Rule": name, **({"EventBusName": bus} if bus else {})}
    nothing: list[Mapping[str, Any]] = []
    targets = reader.read(lambda: reader.aws.client("events").list_targets_by_rule(**named)["Targets"], nothing)
    for each in targets:
        target = each.get("DeadLetterConfig", {}).get("Arn", "")
        if target:
            yield target, Origin(kind="rule", name=_name(resource), arn=name, target=each.get("Arn", ""))


def _name(resource: StackResource) -> str:
    return resource.parts[0].name if resource.parts else resource.own_name
