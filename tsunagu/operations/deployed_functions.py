"""The Lambda functions of a deployed stack: their environment, their log groups, and where their failures go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tsunagu.contracts.flows import LIVE_ALIAS, Part
from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.reader import Reader

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

FUNCTION, MAPPING, ALIAS = "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedFunction:
    """A function of a deployed stack.

    Attributes:
        name: Name of the function.
        stack_name: Its stack.
        label: What operators call it: the name of its first part, else its construct path or logical id.
        parts: What it is in flows.
        environment: Its variables; none where they may not be read.
        log_group: Its log group.
        dead_letter_arn: Queue or topic of the events that it failed (`DeadLetterConfig`); "" without one.
        on_failure_arn: Destination of the events that it failed (`OnFailure`); "" without one.
        reserved_concurrency: Reserved concurrency, which is its limit; None without one. 0 stops the function.
    """

    name: str
    stack_name: str
    label: str
    parts: Sequence[Part] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    log_group: str = ""
    dead_letter_arn: str = ""
    on_failure_arn: str = ""
    reserved_concurrency: int | None = None

    def part(self, kind: str) -> Part | None:
        """Return its part of a kind; None if it is none."""
        return next((part for part in self.parts if part.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """An event source mapping: Lambda polls a queue, a stream or another source, and invokes a function.

    Attributes:
        uuid: Id of the mapping.
        source_arn: What it polls.
        function_name: Function that it invokes, without version or alias.
        state: `Enabled`, `Disabled`, or a state between them.
        reason: Why it is in this state, as Lambda says; "" where it does not.
        maximum_concurrency: Most invocations at the same time (`ScalingConfig`); None without a limit.
        batch_size: Most messages of one invocation.
    """

    uuid: str
    source_arn: str
    function_name: str
    state: str
    reason: str = ""
    maximum_concurrency: int | None = None
    batch_size: int | None = None


def read_functions(reader: Reader, inventory: StackInventory) -> list[DeployedFunction]:
    """Return the functions of a stack, in the order of its template. What may not be read is left empty."""

    def read(resource: StackResource) -> DeployedFunction:
        return read_function(reader, resource, has_alias=bool(alias_of(inventory, resource.physical_id)))

    return reader.map(read, _made(inventory, FUNCTION))


def read_function(reader: Reader, resource: StackResource, *, has_alias: bool = False) -> DeployedFunction:
    """Return one function.

    Args:
        reader: Reads from AWS.
        resource: Its resource.
        has_alias: Whether it is invoked by its alias. Default: it is invoked without one.
    """
    functions, name = reader.aws.functions, resource.physical_id
    nothing: dict[str, Any] = {}
    config: Mapping[str, Any] = reader.read(lambda: functions.get_function_configuration(FunctionName=name), nothing)
    concurrency: Mapping[str, Any] = reader.read(lambda: functions.get_function_concurrency(FunctionName=name), nothing)
    events = _events_by_alias(reader, name) if has_alias else _events_of_latest(reader, name)
    return DeployedFunction(
        name=name,
        stack_name=resource.stack_name,
        label=resource.parts[0].name if resource.parts else resource.own_name,
        parts=resource.parts,
        environment=config.get("Environment", {}).get("Variables", {}),
        log_group=_log_group(config, name),
        dead_letter_arn=config.get("DeadLetterConfig", {}).get("TargetArn", ""),
        on_failure_arn=events.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
        reserved_concurrency=concurrency.get("ReservedConcurrentExecutions"),
    )


def log_group_of(reader: Reader, function_name: str) -> str:
    """Return the log group of a function; where its configuration may not be read, the one that Lambda gives it."""
    nothing: dict[str, Any] = {}
    functions = reader.aws.functions
    config: Mapping[str, Any] = reader.read(
        lambda: functions.get_function_configuration(FunctionName=function_name), nothing
    )
    return _log_group(config, function_name)


def _log_group(config: Mapping[str, Any], function_name: str) -> str:
    return str(config.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function_name}"))


def alias_of(inventory: StackInventory, function_name: str) -> str:
    """Return the ARN of the alias by which everything invokes a function (SnapStart); "" where it has none."""
    end = f":function:{function_name}:{LIVE_ALIAS}"
    return next((each.physical_id for each in _made(inventory, ALIAS) if each.physical_id.endswith(end)), "")


def _events_by_alias(reader: Reader, name: str) -> Mapping[str, Any]:
    return _events(reader, name, Qualifier=LIVE_ALIAS)


def _events_of_latest(reader: Reader, name: str) -> Mapping[str, Any]:
    """Return the configuration of a function without alias. On AWS, no qualifier and `$LATEST` are the same."""
    return _events(reader, name) or _events(reader, name, Qualifier="$LATEST")


def _events(reader: Reader, name: str, **qualifier: str) -> Mapping[str, Any]:
    """Return what Lambda does with asynchronous invocations by a qualifier."""
    nothing: dict[str, Any] = {}
    functions: Any = reader.aws.functions
    return reader.read(lambda: functions.get_function_event_invoke_config(FunctionName=name, **qualifier), nothing)


def read_consumers(reader: Reader, inventory: StackInventory, queue_arns: Sequence[str] = ()) -> list[Consumer]:
    """Return the event source mappings of a stack, and those of other stacks that poll the given queues.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
        queue_arns: Queues whose consumers are wanted, wherever they are.
    """

    def own(resource: StackResource) -> list[Consumer]:
        functions, uuid = reader.aws.functions, resource.physical_id
        found = reader.read(lambda: functions.get_event_source_mapping(UUID=uuid), None)
        return [] if found is None else [_consumer(found)]

    def of_queue(arn: str) -> list[Consumer]:
        pages = reader.aws.functions.get_paginator("list_event_source_mappings").paginate(EventSourceArn=arn)
        listed = reader.read(lambda: [each for page in pages for each in page["EventSourceMappings"]], [])
        return [_consumer(each) for each in listed]

    ours = [each for found in reader.map(own, _made(inventory, MAPPING)) for each in found]
    others = [arn for arn in queue_arns if arn not in {each.source_arn for each in ours}]
    return ours + [each for found in reader.map(of_queue, others) for each in found]


def function_name_of(arn: str) -> str:
    """Return the name in the ARN of a function, without version or alias."""
    return arn.rsplit(":function:", maxsplit=1)[-1].split(":", maxsplit=1)[0]


def _made(inventory: StackInventory, resource_type: str) -> list[StackResource]:
    return [each for each in inventory.of_type(resource_type) if each.physical_id]


def _consumer(found: "EventSourceMappingConfigurationTypeDef | Mapping[str, Any]") -> Consumer:
    mapping: Mapping[str, Any] = found
    return Consumer(
        uuid=mapping["UUID"],
        source_arn=mapping.get("EventSourceArn", ""),
        function_name=function_name_of(mapping.get("FunctionArn", "")),
        state=mapping.get("State", ""),
        reason=mapping.get("StateTransitionReason", ""),
        maximum_concurrency=(mapping.get("ScalingConfig") or {}).get("MaximumConcurrency"),
        batch_size=mapping.get("BatchSize"),
    )
