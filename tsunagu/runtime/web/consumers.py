"""The consumers of a queue, by type of message: reads the type, the key and the model of each message.

The type is the message attribute of the router's name; if there is none, the field of the body. So a producer that sets
no attributes can be consumed, and one that does can be filtered by SNS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tsunagu.contracts.web import TYPE_NAME
from tsunagu.runtime.errors import InvalidMessageError, PermanentError
from tsunagu.runtime.idempotency.keys import BusinessKey, item_id
from tsunagu.runtime.json_text import JsonObject, json_text
from tsunagu.runtime.receiving.delivery import SHOWN_CHARACTERS, Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.model import key_function, parser
from tsunagu.runtime.web.current import taking
from tsunagu.runtime.web.dependencies import Overrides, Plan

RunAsync = Callable[[Any], Any]
_TYPE, _BODY = "type", "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedDelivery(Delivery):
    """A delivery whose JSON has the type of the message beside its body, so that both are in the payload's hash.

    Attributes:
        type_name: Name of the message attribute, or of the field of the body, that has the type.
    """

    type_name: str = TYPE_NAME

    def json_body(self) -> JsonObject:
        """Return type and body.

        Raises:
            InvalidMessageError: As `Delivery.json_body`; or the type is missing, or is not the same in both places.
        """
        body = Delivery.json_body(self)
        attribute = self.attributes.get(self.type_name)
        found = [attribute.value] if attribute is not None else []
        found += [body[self.type_name]] if self.type_name in body else []
        if not found or not all(isinstance(each, str) and each for each in found):
            got = "none" if not found else "another value"
            msg = f"a message must have a type, in the attribute {self.type_name!r} or in this field, got {got}"
            raise InvalidMessageError(msg)
        if len(set(found)) > 1:
            msg = f"the type of a message must be the same in the attribute {self.type_name!r} and in its field"
            raise InvalidMessageError(msg)
        return {_TYPE: found[0], _BODY: body}


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer of one type of message.

    Attributes:
        message_type: The type.
        function: The business function.
        parse: Reads its model.
        key: Returns the business key of a model.
        plan: How it is called.
    """

    message_type: str
    function: Callable[..., Any]
    parse: Callable[[JsonObject], Any]
    key: Callable[[Any], BusinessKey]
    plan: Plan


@dataclass(frozen=True, slots=True)
class TypedPayload:
    """A message that was read, and its consumer."""

    consumer: Consumer
    payload: Any


@dataclass(slots=True)
class Consumers:
    """The consumers of a queue. `read`, `parse`, `key` and `process` are the functions that a `Receiver` needs.

    Attributes:
        type_name: Name of the message attribute, or of the field of the body, that has the type of a message.
        run_async: Runs a coroutine, and returns what it returns.
        overrides: Returns what takes the place of dependencies, in tests.
        by_type: The consumers.
    """

    type_name: str
    run_async: RunAsync
    overrides: Callable[[], Overrides]
    by_type: dict[str, Consumer] = field(default_factory=dict)

    @property
    def are_async(self) -> bool:
        """Whether a consumer, or a dependency of one, needs an event loop."""
        return any(consumer.plan.is_async for consumer in self.by_type.values())

    def add(
        self,
        message_type: str,
        function: Callable[..., Any],
        key: str | Callable[[Any], BusinessKey],
        *,
        strict: bool,
    ) -> None:
        """Add the consumer of a type.

        Raises:
            TypeError: The function cannot be called with a message; or as `parser` and `key_function`.
            ValueError: The type is empty, or has a consumer already.
        """
        if not message_type or message_type in self.by_type:
            got = f"a second one for {message_type!r}" if message_type else "an empty type"
            msg = f"a type of message must have a name and one consumer, got {got}"
            raise ValueError(msg)
        plan = Plan(function)
        parse = parser(plan.model, strict=strict)
        self.by_type[message_type] = Consumer(message_type, function, parse, key_function(plan.model, key), plan)

    def read(self, record: Mapping[str, Any]) -> Delivery:
        """Read a record of an SQS event."""
        delivery = TypedDelivery.from_record(record)
        return delivery if self.type_name == TYPE_NAME else replace(delivery, type_name=self.type_name)  # type: ignore[call-arg]

    def parse(self, typed: JsonObject) -> TypedPayload:
        """Read a message by the model of its consumer.

        Raises:
            PermanentError: The type has no consumer.
            InvalidMessageError: The consumer's model cannot be read.
        """
        message_type = typed[_TYPE]
        consumer = self.by_type.get(message_type)
        if consumer is None:
            msg = f"a message must be of a type that has a consumer, got {message_type[:SHOWN_CHARACTERS]!r}"
            raise PermanentError(msg)
        return TypedPayload(consumer, consumer.parse(typed[_BODY]))

    @staticmethod
    def key(typed: TypedPayload) -> str:
        """Return the business key: the type, and the key in it. Messages of two types are never copies of each other.

        Raises:
            InvalidMessageError: The key is empty, or neither text nor a whole number.
        """
        key = typed.consumer.key(typed.payload)
        item_id("", key)  # refuses what is no key
        return f"{typed.consumer.message_type}#{json_text(key)}"

    def process(self, typed: TypedPayload, message: Message) -> object:
        """Call the consumer."""
        overrides = self.overrides()
        plan = Plan(typed.consumer.function, overrides) if overrides else typed.consumer.plan
        with taking(message):
            if plan.is_async:
                return self.run_async(plan.call_async(typed.payload, message))
            return plan.call(typed.payload, message)
