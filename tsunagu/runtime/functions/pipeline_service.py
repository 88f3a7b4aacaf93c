"""The decorator `pipeline_service`: makes a Lambda handler of a function that is one service of a pipeline."""

import os
from collections.abc import Callable
from typing import Protocol, TypeVar, overload

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import ReceiverEnvironment
    from tsunagu.contracts.pipeline import ServiceEnvironment
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.claim_check import ClaimCheck
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.adapters import FunctionStart
    from tsunagu.runtime.functions.arguments import check_switches
    from tsunagu.runtime.functions.wiring import LambdaHandler
    from tsunagu.runtime.json_text import JsonObject
    from tsunagu.runtime.pipeline.envelope import Envelope
    from tsunagu.runtime.pipeline.join import JoiningSender
    from tsunagu.runtime.pipeline.request_processor import RequestProcessor
    from tsunagu.runtime.pipeline.work import Work
    from tsunagu.runtime.receiving.model import model_of, parser
    from tsunagu.runtime.receiving.receiver import Receiver

RequestT = TypeVar("RequestT")
DecoratedT = TypeVar("DecoratedT")


class ServiceDecorator(Protocol):
    """Makes a Lambda handler of a business function."""

    def __call__(self, function: Callable[[RequestT, Work], object], /) -> LambdaHandler:
        """Return the Lambda handler of a business function."""
        ...


@overload
def pipeline_service(function: Callable[[RequestT, Work], object], /) -> LambdaHandler: ...


@overload
def pipeline_service(*, group_commit: bool = True, strict: bool = False) -> ServiceDecorator: ...


def pipeline_service(
    function: Callable[[RequestT, Work], object] | None = None,
    /,
    *,
    group_commit: bool = True,
    strict: bool = False,
) -> LambdaHandler | ServiceDecorator:
    """Make a Lambda handler of a business function. `ServicePipeline` deploys the Lambda function.

    ```python
    from tsunagu import Work, pipeline_service


    @pipeline_service
    def handler(order: Order, work: Work) -> Charge:
        work.update(TABLE, {"pk": order.customer}, "ADD charged :amount", values={":amount": order.amount})
        return Charge(order.amount)
    ```

    The function takes two arguments: the request, as an object of the class of its first parameter
    (`receiving.model` says which classes can be read), and the work. It returns its result: a JSON value or a
    dataclass. The error that it raises decides what happens to the message (`runtime.errors`).

    The first invocation reads the environment, which names the pipeline, the step and the service.

    Args:
        function: The business function. Default: `@pipeline_service(strict=True)` returns the decorator.
        group_commit: Whether the writes of several runs share a DynamoDB transaction; as for `message_handler`.
            Default: they do.
        strict: Whether a request with fields that its dataclass does not have is dead-lettered. Default: the fields
            are ignored.

    Raises:
        TypeError: The function does not take a typed request and a `Work`; its class cannot be read; or `strict` is
            used with a class that reads itself. Raised at import.
    """
    check_switches(group_commit=group_commit, strict=strict)

    def decorate(decorated: Callable[[DecoratedT, Work], object], /) -> LambdaHandler:
        return _handler(decorated, group_commit=group_commit, strict=strict)

    return decorate if function is None else _handler(function, group_commit=group_commit, strict=strict)


def _handler(function: Callable[[RequestT, Work], object], *, group_commit: bool, strict: bool) -> LambdaHandler:
    model: type[RequestT] = model_of(function, beside=Work)
    parse = parser(model, strict=strict)

    def receiver() -> Receiver[Envelope]:
        return _receiver(parse, function, group_commit=group_commit)

    return wiring.lambda_handler(function, FunctionStart("pipeline_service", "", receiver, model))


@without_collection()
def _receiver(
    parse: Callable[[JsonObject], RequestT], function: Callable[[RequestT, Work], object], *, group_commit: bool
) -> Receiver[Envelope]:
    with wiring.loud_start():
        place = ServiceEnvironment.from_environment(os.environ)
        environment = ReceiverEnvironment.from_environment(os.environ)
    adapters = wiring.adapters()
    objects = adapters.objects(environment, place.claim_bucket_name)
    claim_check = ClaimCheck(objects, largest_bytes=place.largest_payload_bytes)
    processor = RequestProcessor(place, claim_check, parse=parse, function=function)
    telemetry.configure(processor.scope, function, log_tracebacks=environment.log_tracebacks)
    ports = adapters.ports(environment, processor.scope)
    return Receiver(
        wiring.receiver_config(environment, processor.scope, group_commit=group_commit),
        ports._replace(outbox=JoiningSender(ports.store, ports.outbox)),
        parse=processor.envelope,
        key=lambda envelope: envelope.run_id,
        process=wiring.without_blame(processor.process),
    )
