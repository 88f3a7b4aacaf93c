"""Builds receivers with their AWS clients."""

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from tsunagu.contracts.environment import EnvironmentContractError, ParkingEnvironment, ReceiverEnvironment
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.runtime import telemetry
from tsunagu.runtime.aws.clients import LazyClients, client_config, process_dynamodb_client
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.clock import Clock, SystemClock, new_jitter, new_owner, new_request_id
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.functions.adapters import Adapters, FunctionStart, InUse
from tsunagu.runtime.functions.arguments import refuse_handler
from tsunagu.runtime.idempotency.keys import BusinessKey, key_space
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.receiver import LambdaContext, Ports, Receiver, ReceiverConfig
from tsunagu.runtime.restore import before_snapshot
from tsunagu.runtime.startup import when_first_used, without_collection

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_dynamodb import DynamoDBClient

    from tsunagu.contracts.web import WebEnvironment
    from tsunagu.runtime.claim_check import ObjectStore
    from tsunagu.runtime.idempotency.parked_groups import GroupReader
    from tsunagu.runtime.idempotency.store import ItemStore
    from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
    from tsunagu.runtime.receiving.heartbeats import Tasks, Visibility
    from tsunagu.runtime.receiving.relay import OutboxSender
    from tsunagu.runtime.requests.record import RequestRecords
    from tsunagu.runtime.requests.results import ResultStore
    from tsunagu.runtime.single_flight.job_lease import JobLeases
    from tsunagu.runtime.single_flight.pulse import StartTicker
    from tsunagu.runtime.table_reader import TableReader
    from tsunagu.runtime.web.request_items import RequestPorts

Response = dict[str, list[dict[str, str]]]
LambdaHandler = Callable[[object, LambdaContext], Response]

PayloadT = TypeVar("PayloadT")

_logger = logging.getLogger(__name__)

FUNCTION_NAME_VARIABLE = "AWS_LAMBDA_FUNCTION_NAME"  # Lambda sets it


def lambda_handler(function: Callable[..., object], start: FunctionStart) -> LambdaHandler:
    """Return the Lambda handler of a business function.

    What a process keeps is made at its first invocation; with SnapStart before the snapshot.

    Args:
        function: The business function, whose name and documentation the handler has.
        start: How a process starts; the attribute `start` of the handler.

    Raises:
        TypeError: The function is a Lambda handler already.
    """
    refuse_handler(function)
    process = functools.cache(start.new_process)
    before_snapshot(process)

    @functools.wraps(function)
    def handler(event: object, context: LambdaContext) -> Response:
        return cast("Response", process().receive(event, context))

    vars(handler)["start"] = start
    return handler


def adapters() -> Adapters:
    """Return what makes the adapters of this function: AWS's, unless a test put its own in their place."""
    return InUse.adapters or AwsAdapters()


class AwsAdapters:
    """Makes the adapters through which a function calls AWS. A start imports only those that it uses."""

    @property
    def start_ticker(self) -> "StartTicker":
        """Starts the thread that extends the lease of a job."""
        from tsunagu.runtime.single_flight.pulse import ThreadTicker  # noqa: PLC0415

        return ThreadTicker

    def ports(self, environment: ReceiverEnvironment, scope: str) -> Ports:
        """Return the ports of a receiver."""
        return ports(environment, scope, client_config(environment.function_timeout_seconds))

    def request_ports(self, environment: "WebEnvironment", scope: str) -> "RequestPorts":
        """Return the ports of HTTP requests."""
        from tsunagu.runtime.web.request_items import RequestPorts  # noqa: PLC0415

        clock, seconds = SystemClock(), environment.function_timeout_seconds
        clients, client = LazyClients(client_config(seconds)), process_dynamodb_client(seconds)
        return RequestPorts(
            store=item_store(client, environment.idempotency_table_name, single_writes=environment.single_writes),
            outbox=when_first_used(lambda: outbox_sender(clients, clock)),
            metrics=metrics(environment.metrics_namespace, scope, clock),
            clock=clock,
            new_id=lambda: new_request_id(clock.now_ms()),
            new_owner=new_owner,
            rng=new_jitter(),
        )

    def objects(self, environment: ReceiverEnvironment, bucket_name: str) -> "ObjectStore":
        """Return the store of payloads that are too large for a message."""
        from tsunagu.runtime.aws.s3 import S3ObjectStore  # noqa: PLC0415

        return S3ObjectStore(LazyClients(client_config(environment.function_timeout_seconds)).s3, bucket_name)

    def results(self, environment: ReceiverEnvironment, bucket_name: str) -> "ResultStore":
        """Return the store of results, whose client waits longer: it copies large objects."""
        from tsunagu.runtime.aws.results import S3ResultStore  # noqa: PLC0415

        seconds = environment.function_timeout_seconds
        return S3ResultStore(LazyClients(client_config(seconds, longest_read_seconds=seconds)).s3, bucket_name)

    def records(self, store: "ItemStore") -> "RequestRecords":
        """Return the reader of the records of accepted requests."""
        from tsunagu.runtime.aws.request_records import DynamoDbRequestRecords  # noqa: PLC0415

        return DynamoDbRequestRecords(cast("DynamoDbItemStore", store))

    def leases(self, store: "ItemStore") -> "JobLeases":
        """Return the reader of the leases of jobs."""
        from tsunagu.runtime.aws.job_leases import DynamoDbJobLeases  # noqa: PLC0415

        own = cast("DynamoDbItemStore", store)
        return DynamoDbJobLeases(own.client, own.table_name)

    def table(self, table_name: str) -> "TableReader":
        """Return the reader of a table of the business function."""
        from tsunagu.runtime.functions.table_reader import table_reader  # noqa: PLC0415

        return table_reader(table_name)


@without_collection()
def receiver(
    scope: str,
    *,
    parse: Callable[[JsonObject], PayloadT],
    key: Callable[[PayloadT], BusinessKey],
    process: Callable[[PayloadT, Message], object],
    concurrency: int = 1,
    group_commit: bool = True,
) -> Receiver[PayloadT]:
    """Build the receiver of a function that `IdempotentReceiver` deployed. Call it once per process.

    Args:
        scope: Name of the kind of message, which is in the items' ids, and the service's name in logs and metrics.
        parse: Reads a payload from a JSON object; raises `InvalidMessageError`.
        key: Returns the business key of a payload: text or a whole number.
        process: The business function.
        concurrency: How many messages of a batch run at the same time, in threads, 1 to 100; for standard queues.
            Default: one after the other.
        group_commit: Whether the writes of several messages share a transaction. Default: they do.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
    """
    with loud_start(scope):
        environment = ReceiverEnvironment.from_environment(os.environ)
    telemetry.configure(scope, process, log_tracebacks=environment.log_tracebacks)
    keys = key_space(scope, environment.queue_arn, environment.shared_keys)
    whose = environment.shared_keys or environment.queue_arn
    return Receiver(
        receiver_config(environment, keys, concurrency=concurrency, group_commit=group_commit, receiver=whose),
        adapters().ports(environment, scope),
        parse=parse,
        key=key,
        process=without_blame(process),
    )


def without_blame(process: Callable[[PayloadT, Message], object]) -> Callable[[PayloadT, Message], object]:
    """Return `process` such that a wrong environment does not count as an attempt of the message.

    A business function may read its own environment at the first message. If a variable is missing, no message is at
    fault: `UnavailableError` sends the message back to the queue until the function is configured rightly.
    """

    def blameless(payload: PayloadT, message: Message) -> object:
        try:
            return process(payload, message)
        except EnvironmentContractError as error:
            msg = f"the environment of the function is wrong: {error}"
            raise UnavailableError(msg, call=unreadable_environment()) from error

    return blameless


def ports(environment: ReceiverEnvironment, scope: str, config: "Config") -> Ports:
    """Return the adapters through which a receiver calls AWS.

    Args:
        environment: The environment that the construct wrote.
        scope: The service's name in metrics.
        config: Time-outs and retries of the clients.
    """
    clock = SystemClock()
    clients = LazyClients(config)
    before_snapshot(clients.sqs)
    before_snapshot(clients.sns)
    table_name = environment.idempotency_table_name
    client = process_dynamodb_client(environment.function_timeout_seconds)
    store = item_store(client, table_name, single_writes=environment.single_writes)
    return Ports(
        store=store,
        outbox=when_first_used(lambda: outbox_sender(clients, clock)),
        channel=when_first_used(lambda: _dead_letter_channel(environment, clients, clock)),
        visibility=when_first_used(lambda: _visibility(environment, clients)),
        tasks=when_first_used(lambda: _tasks(clients)),
        metrics=metrics(environment.metrics_namespace, scope, clock),
        clock=clock,
        new_owner=new_owner,
        rng=new_jitter(),
        groups=groups(store) if ParkingEnvironment.from_environment(os.environ).parks_groups else None,
    )


def outbox_sender(clients: LazyClients, clock: Clock) -> "OutboxSender":
    """Return the sender of outboxes."""
    from tsunagu.runtime.aws.outbox import AwsOutboxSender  # noqa: PLC0415 - as in `item_store`
    from tsunagu.runtime.aws.tasks import StepFunctionsTasks  # noqa: PLC0415

    return AwsOutboxSender(clients.sqs, clients.sns, StepFunctionsTasks(clients.sfn), clock)


def _dead_letter_channel(environment: ReceiverEnvironment, clients: LazyClients, clock: Clock) -> "DeadLetterChannel":
    from tsunagu.runtime.aws.sns import SnsNotificationSender  # noqa: PLC0415 - as in `item_store`
    from tsunagu.runtime.aws.sqs import SqsQueueSender  # noqa: PLC0415
    from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel  # noqa: PLC0415

    return DeadLetterChannel(
        SqsQueueSender(clients.sqs, environment.dead_letter_queue_url, clock),
        SnsNotificationSender(clients.sns, environment.notification_topic_arn),
        environment.queue_arn,
        publish_error_text=environment.publish_error_text,
    )


def _visibility(environment: ReceiverEnvironment, clients: LazyClients) -> "Visibility":
    from tsunagu.runtime.aws.sqs import SqsVisibility  # noqa: PLC0415 - as in `item_store`

    return SqsVisibility(clients.sqs, environment.queue_url)


def _tasks(clients: LazyClients) -> "Tasks":
    from tsunagu.runtime.aws.tasks import StepFunctionsTasks  # noqa: PLC0415 - as in `item_store`

    return StepFunctionsTasks(clients.sfn)


@contextmanager
def loud_start(scope: str = "") -> Iterator[None]:
    """Count and log a start that cannot read its environment: each invocation fails, and no message is counted.

    Args:
        scope: The service's name in metrics. Default: the name of the function.
    """
    try:
        yield
    except EnvironmentContractError:
        fault = unreadable_environment()
        telemetry.configure(scope or fault.resource)  # so that the text of the error stays out of the log
        namespace = os.environ.get(ReceiverEnvironment.variable_name("metrics_namespace")) or METRICS_NAMESPACE
        counted = metrics(namespace, scope or fault.resource, SystemClock())
        counted.count_fault(fault)
        counted.flush()
        _logger.exception("function not started", extra=telemetry.call_fields(fault))
        raise


def metrics(namespace: str, scope: str, clock: Clock) -> telemetry.Metrics:
    """Return the metrics of this function.

    Args:
        namespace: CloudWatch namespace.
        scope: The service's name.
        clock: The time.
    """
    return telemetry.Metrics(namespace, scope, clock, function_name=os.environ.get(FUNCTION_NAME_VARIABLE, ""))


def unreadable_environment() -> FailedCall:
    """Return the failed call of a start that cannot read its environment: a configuration fault."""
    name = os.environ.get(FUNCTION_NAME_VARIABLE, "this function")
    return FailedCall("read the environment", name, EnvironmentContractError.__name__, is_configuration_fault=True)


def receiver_config(
    environment: ReceiverEnvironment,
    scope: str,
    *,
    concurrency: int = 1,
    group_commit: bool = True,
    receiver: str = "",
) -> ReceiverConfig:
    """Return the numbers and names of a receiver.

    Args:
        environment: The environment that the construct wrote.
        scope: The key space: first part of the items' ids.
        concurrency: How many messages of a batch run at the same time; for standard queues.
        group_commit: Whether the writes of several messages share a transaction.
        receiver: Whose keys these are; see `Item.receiver`. Default: nobody else can have them.
    """
    return ReceiverConfig(
        scope=scope,
        queue_arn=environment.queue_arn,
        function_timeout_seconds=environment.function_timeout_seconds,
        max_attempts=environment.max_attempts,
        window_seconds=environment.idempotency_window_seconds,
        lease_seconds=environment.lease_seconds,
        concurrency=concurrency,
        group_commit=group_commit,
        receiver=receiver,
        table_name=environment.idempotency_table_name,
    )


def groups(store: DynamoDbItemStore) -> "GroupReader":
    """Return the reader of the groups that are parked in the table of the items."""
    from tsunagu.runtime.aws.parked_groups import DynamoDbGroups  # noqa: PLC0415 - as in `item_store`

    return DynamoDbGroups(store)


def item_store(client: "DynamoDBClient", table_name: str, *, single_writes: bool) -> DynamoDbItemStore:
    """Return the store of idempotency items: with single writes, or with batches of PartiQL."""
    if not single_writes:
        return DynamoDbItemStore(client, table_name)
    # A start pays for this module only if it is used.
    from tsunagu.runtime.aws.single_writes import SingleWriteItemStore  # noqa: PLC0415

    return SingleWriteItemStore(client, table_name)
