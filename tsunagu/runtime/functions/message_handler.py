"""The decorator `message_handler`: makes a Lambda handler of a function that takes a typed message."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, overload

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.items import KEY_SPACE_NAME
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.adapters import FunctionStart
    from tsunagu.runtime.functions.arguments import check_concurrency, check_switches, check_text
    from tsunagu.runtime.functions.wiring import LambdaHandler
    from tsunagu.runtime.idempotency.keys import BusinessKey
    from tsunagu.runtime.receiving.message import Message
    from tsunagu.runtime.receiving.model import key_function, model_of, parser
    from tsunagu.runtime.receiving.receiver import Receiver

PayloadT = TypeVar("PayloadT")


class HandlerDecorator(Protocol):
    """Makes a Lambda handler of a business function."""

    def __call__(self, process: Callable[[PayloadT, Message], None], /) -> LambdaHandler:
        """Return the Lambda handler of a business function."""
        ...


# A function with an annotation must take the message that the handler takes. A lambda has no annotation: a type checker
# reads it before it sees the handler.
@overload
def message_handler(  # type: ignore[overload-overlap]
    scope: str,
    *,
    key: Callable[[PayloadT], BusinessKey],
    concurrency: int = 1,
    group_commit: bool = True,
    strict: bool = False,
) -> Callable[[Callable[[PayloadT, Message], None]], LambdaHandler]: ...


@overload
def message_handler(
    scope: str,
    *,
    key: str | Callable[[Any], BusinessKey],
    concurrency: int = 1,
    group_commit: bool = True,
    strict: bool = False,
) -> HandlerDecorator: ...


def message_handler(
    scope: str,
    *,
    key: str | Callable[[Any], BusinessKey],
    concurrency: int = 1,
    group_commit: bool = True,
    strict: bool = False,
) -> HandlerDecorator:
    """Make a Lambda handler of a business function. `IdempotentReceiver` deploys the Lambda function.

    ```python
    from tsunagu import Message, message_handler


    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None:
        message.put(TABLE, {"number": invoice.number, "amount": invoice.amount})
    ```

    The first invocation reads the environment and makes the clients. A wrong use of the decorator raises at import.

    Args:
        scope: Name of the kind of message, 1 to 64 letters, digits, hyphens and underscores. It is in the items'
            ids, beside the queue's name, and the service's name in logs and metrics.
        key: The business key: the name of a field of the message, or a function that takes the message.
        concurrency: How many messages of a batch run at the same time, 1 to 100; for standard queues. Default: one
            after the other.
        group_commit: Whether the writes of several messages of a batch share a DynamoDB transaction, which takes fewer
            calls. Default: they do. False: each message has a transaction of its own. That is cheaper where conditions
            often fail, because DynamoDB bills a cancelled transaction too.
        strict: Whether a message with fields that its dataclass does not have is dead-lettered. Default: the fields
            are ignored.

    Raises:
        TypeError: The function does not take a typed message and a `Message`; its class cannot be read; `key` names
            no field of type `str` or `int`; or `strict` is used with a class that reads itself.
        ValueError: The scope or the concurrency is out of range.
    """
    check_text("scope", scope)
    if not KEY_SPACE_NAME.fullmatch(scope):
        msg = f"scope must be 1 to 64 letters, digits, hyphens and underscores, got {scope!r}"
        raise ValueError(msg)
    check_concurrency(concurrency)
    check_switches(group_commit=group_commit, strict=strict)

    def decorate(process: Callable[[PayloadT, Message], None]) -> LambdaHandler:
        model: type[PayloadT] = model_of(process, beside=Message)
        parse, key_of = parser(model, strict=strict), key_function(model, key)

        def receiver() -> Receiver[PayloadT]:
            return wiring.receiver(
                scope,
                parse=parse,
                key=key_of,
                process=process,
                concurrency=concurrency,
                group_commit=group_commit,
            )

        return wiring.lambda_handler(process, FunctionStart("message_handler", scope, receiver, model))

    return decorate
