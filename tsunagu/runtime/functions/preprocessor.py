"""The preprocessor of a pipeline, with its AWS clients. It is invoked directly, by an entry queue, or both."""

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import ReceiverEnvironment
    from tsunagu.contracts.pipeline import PreprocessorEnvironment
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.aws.clients import LazyClients, client_config, dynamodb_client
    from tsunagu.runtime.aws.journal import deployed_journal
    from tsunagu.runtime.aws.outbox import AwsOutboxSender
    from tsunagu.runtime.aws.s3 import S3ObjectStore
    from tsunagu.runtime.aws.tasks import StepFunctionsTasks
    from tsunagu.runtime.claim_check import ClaimCheck
    from tsunagu.runtime.clock import SystemClock, new_jitter, new_owner, new_request_id
    from tsunagu.runtime.errors import UnroutableEventError
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.arguments import check_class, check_switches
    from tsunagu.runtime.pipeline.commands import RequestCheck, StartCommand
    from tsunagu.runtime.pipeline.plan import Planner
    from tsunagu.runtime.pipeline.run_marks import RunMarks
    from tsunagu.runtime.pipeline.shape import start_scope
    from tsunagu.runtime.pipeline.start import Starter, StartPorts
    from tsunagu.runtime.pipeline.start_receiver import StartReceiver
    from tsunagu.runtime.receiving.events import EventKind, described, kind_of
    from tsunagu.runtime.receiving.model import parser
    from tsunagu.runtime.receiving.receiver import LambdaContext, Receiver
    from tsunagu.runtime.restore import before_snapshot
    from tsunagu.runtime.tracing import invocation_header

if TYPE_CHECKING:
    from botocore.config import Config

QUEUE_VARIABLE = ReceiverEnvironment.variable_name("queue_arn")  # of a preprocessor with an entry queue

Answer = dict[str, Any]


class Preprocessor:
    """Starts and replays requests, by direct invocation and from the entry queue.

    Args:
        starter: Answers direct invocations.
        receiver: Receives the messages of the entry queue. None: the pipeline has no entry queue.
        now_ms: Gives the time, in milliseconds since the epoch.
    """

    def __init__(self, starter: Starter, receiver: Receiver[StartCommand] | None, *, now_ms: Callable[[], int]) -> None:
        self._starter = starter
        self._receiver = receiver
        self._now_ms = now_ms

    def handle(self, event: object, context: LambdaContext) -> Answer:
        """Answer a direct invocation, or receive a batch of the entry queue.

        Raises:
            RefusedRequestError: A direct request is refused. `Starter.answer` lists the other errors.
            UnroutableEventError: The event comes from a service of AWS, and not from the entry queue.
        """
        kind = kind_of(event)
        if kind is EventKind.SQS and self._receiver is not None:
            answer: Answer = self._receiver.receive(event, context)
            return answer
        if kind is not EventKind.UNKNOWN:
            without = "a preprocessor without an entry queue must be invoked directly"
            expected = without if self._receiver is None else "a preprocessor must be invoked directly, or by its queue"
            msg = f"{expected}, got {described(event)}"
            raise UnroutableEventError(msg)
        deadline_ms = self._now_ms() + context.get_remaining_time_in_millis()
        return self._starter.answer(event, deadline_ms=deadline_ms, trace_context=invocation_header())


@without_collection()
def preprocessor(check: RequestCheck | None = None) -> Preprocessor:
    """Build the preprocessor of a function that `ServicePipeline` deployed. Call it once per process.

    Args:
        check: Refuses requests; see `command_from_json`. Default: none is refused.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
    """
    with wiring.loud_start():
        environment = PreprocessorEnvironment.from_environment(os.environ)
    scope = start_scope(environment.pipeline)
    telemetry.configure(scope)
    config, clock = client_config(environment.function_timeout_seconds), SystemClock()
    clients, dynamodb = LazyClients(config), dynamodb_client(config)
    store = wiring.item_store(dynamodb, environment.idempotency_table_name, single_writes=environment.single_writes)
    journal = deployed_journal(environment, dynamodb)
    objects = S3ObjectStore(clients.s3, environment.claim_bucket_name)
    claim_check = ClaimCheck(objects, largest_bytes=environment.largest_payload_bytes)
    planner = Planner(journal, claim_check, inline_bytes=environment.inline_bytes)

    def new_id() -> str:
        return new_request_id(clock.now_ms())

    start_ports = StartPorts(
        store=RunMarks(store, environment.pipeline) if environment.marks_runs else store,
        outbox=AwsOutboxSender(clients.sqs, clients.sns, StepFunctionsTasks(clients.sfn), clock),
        metrics=wiring.metrics(environment.metrics_namespace, scope, clock),
        clock=clock,
        new_id=new_id,
        new_owner=new_owner,
        rng=new_jitter(),
    )
    place = environment.pipeline_place
    window_seconds = environment.idempotency_window_seconds
    starter = Starter(journal.pipeline, planner, start_ports, window_seconds=window_seconds, place=place, check=check)
    starts = StartReceiver(journal.pipeline, planner, new_id, hop_limit=environment.hop_limit, check=check)
    receiver = _receiver(starts, scope, environment, config) if QUEUE_VARIABLE in os.environ else None
    return Preprocessor(starter, receiver, now_ms=clock.now_ms)


def _receiver(
    starts: StartReceiver, scope: str, pipeline: PreprocessorEnvironment, config: "Config"
) -> Receiver[StartCommand]:
    with wiring.loud_start(scope):
        environment = ReceiverEnvironment.from_environment(os.environ)
    ports = wiring.ports(environment, scope, config)
    if pipeline.marks_runs:
        ports = ports._replace(store=RunMarks(ports.store, pipeline.pipeline))
    return Receiver(
        wiring.receiver_config(environment, scope, receiver=pipeline.pipeline_place),
        ports,
        parse=starts.command,
        key=starts.key,
        process=starts.process,
        read=starts.read,
    )


_cached_preprocessor = functools.cache(preprocessor)
_with_model: list[Callable[[], Preprocessor]] = []  # what the handlers of `preprocessor_for` keep


def _make_before_snapshot() -> None:
    """Make what the handler keeps: that of `preprocessor_for`, where the package has one."""
    for make in _with_model or [_cached_preprocessor]:
        make()


before_snapshot(_make_before_snapshot)


def preprocessor_handler(event: object, context: LambdaContext) -> Answer:
    """Start or replay a request, or receive a batch of the entry queue: the Lambda handler of a preprocessor.

    `ServicePipeline` deploys the Lambda function. Its handler package needs one line in `handler.py`:
    `from tsunagu import preprocessor_handler as handler`. It accepts any JSON object as a request; `preprocessor_for`
    refuses what the services would not accept. The first invocation reads the environment.

    Raises:
        EnvironmentContractError: An environment variable is missing or wrong.
        RefusedRequestError: A direct request is refused. `Starter.answer` lists the other errors.
        UnroutableEventError: The event comes from a service of AWS, and not from the entry queue.
    """
    return _cached_preprocessor().handle(event, context)


def preprocessor_for(model: type[Any], *, strict: bool = False) -> Callable[[object, LambdaContext], Answer]:
    """Make the Lambda handler of a preprocessor that refuses a request which is no `model`, before a run starts.

    ```python
    from lambdas.contracts.orders import Order
    from tsunagu import preprocessor_for

    handler = preprocessor_for(Order)
    ```

    A direct request is refused with `MalformedRequestError`, which says what is wrong. A message of the entry queue is
    dead-lettered with that reason. The stored input of a replay is not read again; a new one is.

    Args:
        model: The class that the business functions of the services take: `receiving.model` says which can be read.
        strict: Whether fields that the class does not have are refused. Default: they are ignored.

    Returns:
        The handler. Its first invocation reads the environment; it raises what `preprocessor_handler` raises.

    Raises:
        TypeError: The class cannot be read, or `strict` is used with a class that reads itself. Raised at import.
    """
    check_class("model", model)
    check_switches(strict=strict)
    check = parser(model, strict=strict)

    @functools.cache
    def made() -> Preprocessor:
        return preprocessor(check)

    _with_model.append(made)

    def handler(event: object, context: LambdaContext) -> Answer:
        return made().handle(event, context)

    return handler
