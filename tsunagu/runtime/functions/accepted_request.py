"""The decorator `accepted_request`: makes a Lambda handler of a function that works on accepted requests."""

import os
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
    from tsunagu.contracts.requests import RequestEnvironment, request_space
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.adapters import FunctionStart
    from tsunagu.runtime.functions.arguments import check_concurrency, check_switches, check_text
    from tsunagu.runtime.functions.wiring import LambdaHandler
    from tsunagu.runtime.idempotency.keys import key_space
    from tsunagu.runtime.receiving.model import model_of, parser
    from tsunagu.runtime.requests.intake import body_parser
    from tsunagu.runtime.requests.processor import RequestProcessor
    from tsunagu.runtime.requests.receiver import RequestReceiver
    from tsunagu.runtime.requests.record import RequestRecord
    from tsunagu.runtime.requests.request import ProgressWriter, Request
    from tsunagu.runtime.requests.results import Results, ResultSender

ModelT = TypeVar("ModelT")


class RequestDecorator(Protocol):
    """Makes a Lambda handler of a business function."""

    def __call__(self, function: Callable[[ModelT, Request], object], /) -> LambdaHandler:
        """Return the Lambda handler of a business function."""
        ...


def accepted_request(
    scope: str, *, concurrency: int = 1, group_commit: bool = True, strict: bool = False
) -> RequestDecorator:
    """Make a Lambda handler of a business function. `AsyncRequestApi` deploys the Lambda function.

    ```python
    from tsunagu import Request, Result, accepted_request


    @accepted_request("reports")
    def handler(report: ReportRequest, request: Request) -> Result:
        request.progress("1 of 2")
        request.attach("chart.svg", chart_of(report), "image/svg+xml")
        return Result(table_of(report), "text/csv")
    ```

    The function takes two arguments: the request's JSON object, as an object of the class of its first parameter
    (`receiving.model` says which classes can be read), and the request. With a parameter of type `str` it takes the
    text of the body, whatever its content type. The fields of a form are text, or a list of texts.

    It returns the result: a JSON value, a dataclass, or a `Result` of another content type. None is no result. The
    error that it raises decides what happens to the request (`runtime.errors`).

    Both deliveries have the same function: a queue hands over batches, and a gateway that invokes the function hands
    over single requests.

    Args:
        scope: Scope of the requests, as the API has it: 1 to 64 letters, digits, hyphens and underscores.
        concurrency: How many requests of a batch run at the same time, 1 to 100. Default: one after the other.
        group_commit: Whether the writes of several requests share a DynamoDB transaction; as for `message_handler`.
            Default: they do.
        strict: Whether a request with fields that its dataclass does not have fails. Default: the fields are ignored.

    Raises:
        TypeError: The function does not take a typed request and a `Request`; its class cannot be read; or `strict` is
            used with a class that reads itself, or with text. Raised at import.
        ValueError: The scope or the concurrency is out of range. Raised at import.
    """
    check_text("scope", scope)
    request_space(scope)
    check_concurrency(concurrency)
    check_switches(group_commit=group_commit, strict=strict)

    def decorate(function: Callable[[ModelT, Request], object], /) -> LambdaHandler:
        model: type[ModelT] = model_of(function, beside=Request)
        parse = _parser(model, strict=strict)

        def receiver() -> RequestReceiver[ModelT]:
            return _receiver(scope, parse, function, concurrency=concurrency, group_commit=group_commit)

        return wiring.lambda_handler(function, FunctionStart("accepted_request", scope, receiver, model))

    return decorate


def _parser(model: type[Any], *, strict: bool) -> Callable[[RequestRecord], Any]:
    if model is not str:
        return body_parser(parser(model, strict=strict), is_text=False)
    if strict:
        msg = "strict must be left out for text, which has no fields"
        raise TypeError(msg)
    return body_parser(str, is_text=True)


@without_collection()
def _receiver(
    scope: str,
    parse: Callable[[RequestRecord], ModelT],
    function: Callable[[ModelT, Request], object],
    *,
    concurrency: int,
    group_commit: bool,
) -> RequestReceiver[ModelT]:
    with wiring.loud_start(scope):
        environment = ReceiverEnvironment.from_environment(os.environ)
        own = RequestEnvironment.from_environment(os.environ)
        if own.request_scope != scope:
            name = RequestEnvironment.variable_name("request_scope")
            msg = f"{name} must be the scope of the decorator, {scope}, got another scope"
            raise EnvironmentContractError(msg)
    telemetry.configure(scope, function, log_tracebacks=environment.log_tracebacks)
    adapters = wiring.adapters()
    ports = adapters.ports(environment, scope)
    results = None
    if own.result_bucket_name:
        results = adapters.results(environment, own.result_bucket_name)
        ports = ports._replace(outbox=ResultSender(results, ports.outbox))
    processor = RequestProcessor(
        function,
        Results(results, scope),
        ProgressWriter(ports.store, ports.clock),
        scope=scope,
        completion_topic_arn=own.completion_topic_arn,
    )
    nameless_space = key_space(scope, environment.queue_arn)
    return RequestReceiver(
        wiring.receiver_config(environment, nameless_space, concurrency=concurrency, group_commit=group_commit),
        ports,
        adapters.records(ports.store),
        scope=scope,
        parse=parse,
        process=wiring.without_blame(processor.process),
    )
