"""Five lines make a service of a pipeline: a typed request, a plain function, one decorator."""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import TypeVar

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import ReceiverEnvironment
    from tsunagu.contracts.pipeline import ServiceEnvironment
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.aws.clients import LazyClients, client_config
    from tsunagu.runtime.aws.s3 import S3ObjectStore
    from tsunagu.runtime.claim_check import ClaimCheck
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.message_handler import LambdaHandler, Response
    from tsunagu.runtime.json_text import JsonObject
    from tsunagu.runtime.pipeline.envelope import Envelope
    from tsunagu.runtime.pipeline.join import JoiningSender
    from tsunagu.runtime.pipeline.request_processor import RequestProcessor
    from tsunagu.runtime.pipeline.work import Work
    from tsunagu.runtime.receiving.model import model_of, parser
    from tsunagu.runtime.receiving.receiver import LambdaContext, Receiver

RequestT = TypeVar("RequestT")


def pipeline_service(function: Callable[[RequestT, Work], object]) -> LambdaHandler:
    """Make a Lambda handler of a business function, for a function that `ServicePipeline` deployed.

    ```python
    @pipeline_service
    def handler(order: Order, work: Work) -> Charge:
        work.update(TABLE, {"pk": order.customer}, "ADD charged :amount", values={":amount": order.amount})
        return Charge(order.amount)
    ```

    The function takes the request, read into the class of its first parameter as `runtime.model` says, and the work. It
    returns its result, a JSON value or a dataclass. Its errors decide (`runtime.errors`). Pipeline, step and service
    are those of the environment, which is read at the first invocation.

    Raises:
        TypeError: At import: the function does not take a typed request and a `Work`.
    """
    parse = parser(model_of(function, beside=Work))

    @functools.cache
    def receiver() -> Receiver[Envelope]:
        return _receiver(parse, function)

    @functools.wraps(function)
    def handler(event: object, context: LambdaContext) -> Response:
        return receiver().receive(event, context)

    return handler


@without_collection()
def _receiver(
    parse: Callable[[JsonObject], RequestT], function: Callable[[RequestT, Work], object]
) -> Receiver[Envelope]:
    place = ServiceEnvironment.from_environment(os.environ)
    environment = ReceiverEnvironment.from_environment(os.environ)
    config = client_config(environment.function_timeout_seconds)
    objects = S3ObjectStore(LazyClients(config).s3, place.claim_bucket_name)
    claim_check = ClaimCheck(objects, largest_bytes=place.largest_payload_bytes)
    processor = RequestProcessor(place, claim_check, parse=parse, function=function)
    telemetry.configure(processor.scope)
    ports = wiring.ports(environment, processor.scope, config)
    return Receiver(
        wiring.receiver_config(environment, processor.scope),
        dataclasses.replace(ports, outbox=JoiningSender(ports.store, ports.outbox)),
        parse=processor.envelope,
        key=lambda envelope: envelope.run_id,
        process=processor.process,
    )
