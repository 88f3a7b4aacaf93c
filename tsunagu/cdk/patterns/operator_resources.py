"""Finds what operators work with below a construct: by the constructs of this library, and by their metadata."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs

from tsunagu.cdk.constructs.event_invocation import EventInvocation
from tsunagu.cdk.constructs.handler_function import HandlerFunction
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.native_state_machine import NativeStateMachine
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.topic_subscription import TopicSubscription
from tsunagu.cdk.patterns.service_pipeline import ServicePipeline
from tsunagu.cdk.patterns.single_flight_schedule import SingleFlightSchedule
from tsunagu.contracts.flows import METADATA_KEY, Kind, read_parts

if TYPE_CHECKING:
    from constructs import IConstruct


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatedResources:
    """ARNs of what operators work with, each once.

    Attributes:
        queues: Queues of channels, which senders use.
        dead_letter_queues: Dead-letter queues of channels, subscriptions, invocations, schedules and rules.
        tables: Idempotency tables, not those of the business.
        functions: Functions with the runtime of this library, and their aliases.
        mappings: Event source mappings.
        log_groups: Log groups of functions and state machines.
        machines: State machines.
        jobs: State machines of scheduled jobs, which an operator may start.
        starters: Functions, or their aliases, that an operator may invoke: preprocessors, and functions whose events
            can be given up.
        rules: Event rules.
        schedules: Schedules.
        keys: Customer-managed keys of the queues and tables.
    """

    queues: Sequence[str]
    dead_letter_queues: Sequence[str]
    tables: Sequence[str]
    functions: Sequence[str]
    mappings: Sequence[str]
    log_groups: Sequence[str]
    machines: Sequence[str]
    jobs: Sequence[str]
    starters: Sequence[str]
    rules: Sequence[str]
    schedules: Sequence[str]
    keys: Sequence[str]


def operated_resources(scope: "IConstruct") -> OperatedResources:
    """Return what operators work with below a construct, such as a stack."""
    found = _Below(scope)
    channels, functions = found.of(QueueChannel), found.of(HandlerFunction)
    subscriptions, invocations = found.of(TopicSubscription), found.of(EventInvocation)
    machines, tables = found.of(NativeStateMachine), found.of(IdempotencyTable)
    dead_letter_queues = [each.dead_letter_queue for each in (*channels, *subscriptions, *invocations)]
    pipelines = found.of(ServicePipeline)
    return OperatedResources(
        queues=found.once(channel.queue.queue_arn for channel in channels),
        dead_letter_queues=found.once([*(queue.queue_arn for queue in dead_letter_queues), *found.marked_queues()]),
        tables=found.once(each.table.table_arn for each in tables),
        functions=found.once(named.function_arn for each in functions for named in (each.function, each.target)),
        mappings=found.once(each.attr_event_source_mapping_arn for each in found.of(lambda_.CfnEventSourceMapping)),
        log_groups=found.once(each.log_group.log_group_arn for each in (*functions, *machines)),
        machines=found.once(each.machine.state_machine_arn for each in machines),
        jobs=found.once(each.machine.machine.state_machine_arn for each in found.of(SingleFlightSchedule)),
        starters=found.once(
            [
                *(each.preprocessor.target.function_arn for each in pipelines),
                *(each.props.function.function_arn for each in invocations),
            ]
        ),
        rules=found.once(each.attr_arn for each in found.of(events.CfnRule)),
        schedules=found.once(each.attr_arn for each in found.of(scheduler.CfnSchedule)),
        keys=found.once(
            key.key_arn
            for key in (
                *(channel.props.key for channel in channels),
                *(queue.encryption_master_key for queue in dead_letter_queues),
                *(_key_of(each) for each in tables),
            )
            if key is not None
        ),
    )


class _Below:
    """Everything below a construct."""

    def __init__(self, scope: "IConstruct") -> None:
        self._stack = Stack.of(scope)
        self._constructs = scope.node.find_all()

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the constructs of a class."""
        return [each for each in self._constructs if isinstance(each, kind)]

    def marked_queues(self) -> Iterator[str]:
        """Iterate over the ARNs of queues whose metadata says that they hold dead letters."""
        for queue in self.of(sqs.CfnQueue):
            if any(part.kind == Kind.DEAD_LETTERS for part in _parts(queue)):
                yield queue.attr_arn

    def once(self, arns: Any) -> Sequence[str]:
        """Return ARNs in their order, each once. A construct and its resource have different tokens for one ARN."""
        return [*{str(self._stack.resolve(arn)): arn for arn in arns}.values()]


def _parts(resource: CfnResource) -> Sequence[Any]:
    return read_parts({METADATA_KEY: resource.get_metadata(METADATA_KEY)})


def _key_of(table: IdempotencyTable) -> kms.IKey | None:
    key: kms.IKey | None = getattr(table.table, "encryption_key", None)
    return key
