"""Classes that read themselves, and what their exceptions do to a message."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, Union

import pydantic
import pytest

from tests.tsunagu.runtime.receiving.test_model_types import OrderId
from tests.tsunagu.runtime.world import World, record
from tsunagu.contracts.environment import EnvironmentContractError
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, RetryableError, UnavailableError
from tsunagu.runtime.functions.message_handler import message_handler
from tsunagu.runtime.json_text import JsonObject, read_json
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.model import guarded, key_function, parser

if TYPE_CHECKING:
    from tests.tsunagu.runtime.world import Process

JsonData = Union[str, bytes, bytearray]  # noqa: UP007 - as dataclasses-json has it
LONG = "12345678901234567.89"


class Price(pydantic.BaseModel):
    amount: Decimal
    currency: str = "EUR"


class Article(pydantic.BaseModel):
    prices: list[Price]


@dataclass
class Basket:
    articles: list[Article]


def test_pydantic_model_is_read_by_its_own_rules() -> None:
    body = read_json("the body", f'{{"prices": [{{"amount": {LONG}, "newer": 1}}]}}')

    assert parser(Article)(body) == Article(prices=[Price(amount=Decimal(LONG))])
    assert parser(Basket)({"articles": [body]}) == Basket([parser(Article)(body)])


def test_violations_that_pydantic_finds_are_named_without_their_values() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        parser(Article)({"prices": [{"amount": "secret", "currency": 1}]})

    assert str(caught.value) == (
        "Article must be read from the message, got ValidationError (prices.0.amount decimal_parsing, "
        "prices.0.currency string_type)"
    )


def test_error_of_pydantic_is_not_even_asked_for_values() -> None:
    class Odd(ValueError):  # noqa: N818
        def errors(self, *, include_url: bool = True, include_input: bool = True) -> list[dict[str, object]]:
            return [{"loc": ("prices", 0), "type": f"odd {include_url} {include_input}"}]

    with pytest.raises(InvalidMessageError, match=r"got Odd \(prices.0 odd False False\)$"):
        parser(raising(Odd()))({})


@pytest.mark.parametrize(("number", "shown"), [(5, 5), (6, 5)])
def test_first_five_violations_are_named(number: int, shown: int) -> None:
    class Odd(ValueError):  # noqa: N818
        def errors(self, **_: object) -> list[dict[str, object]]:
            return [{"loc": (index,), "type": "odd"} for index in range(number)]

    names = ", ".join(f"{index} odd" for index in range(shown))
    with pytest.raises(InvalidMessageError, match=rf"got Odd \({names}\)$"):
        parser(raising(Odd()))({})


def test_names_of_violations_are_cut() -> None:
    class Odd(ValueError):  # noqa: N818
        def errors(self, **_: object) -> list[dict[str, object]]:
            return [{"loc": ("x" * 1_000,), "type": "odd"}]

    with pytest.raises(InvalidMessageError, match=rf"got Odd \({'x' * 398}$"):
        parser(raising(Odd()))({})


@dataclass
class Checked:
    price: dict[str, str]

    def __post_init__(self) -> None:
        Price.model_validate(self.price)


def test_violations_that_pydantic_finds_within_a_dataclass_are_named_without_their_values() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        parser(Checked)({"price": {"amount": "secret"}})

    sentence = "Checked must take the values of the message, got ValidationError (amount decimal_parsing)"
    assert str(caught.value) == sentence


def test_class_with_model_validate_needs_no_pydantic() -> None:
    class Duck(SimpleNamespace):
        @classmethod
        def model_validate(cls, value: object) -> Self:
            return cls(value=value)

    assert parser(Duck)({"a": 1}) == Duck(value={"a": 1})


class OfText:
    """As dataclasses-json has it."""

    @classmethod
    def from_json(cls, s: JsonData, *, infer_missing: bool = False, **more: Any) -> JsonData:  # noqa: ARG003
        return s


class OfNamedText:
    @classmethod
    def from_json(cls, s: "JsonData") -> object:
        return s


class Reading:
    """Reads when it is called. Python shows no names of its module."""

    def __call__(self, text: str) -> object:
        return text


class OfCallable:
    from_json = Reading()


class OfBytes:
    @classmethod
    def from_json(cls, data: "bytes") -> bytes:
        return data


class OfObject:
    @classmethod
    def from_json(cls, body: "dict[str, Any] | str", more: "Unknown" = None) -> object:  # type: ignore[name-defined]  # noqa: ARG003, F821
        return body


class OfUnknown:
    @classmethod
    def from_json(cls, body: "Process") -> object:
        return body


class OfAnything:
    @staticmethod
    def from_json(body):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN205
        return body


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (OfText, f'{{"a":{LONG},"b":"é"}}'),
        (OfNamedText, f'{{"a":{LONG},"b":"é"}}'),
        (OfCallable, f'{{"a":{LONG},"b":"é"}}'),
        (OfBytes, f'{{"a":{LONG},"b":"é"}}'.encode()),
        (OfObject, {"a": float(LONG), "b": "é"}),
        (OfUnknown, {"a": float(LONG), "b": "é"}),
        (OfAnything, {"a": float(LONG), "b": "é"}),
    ],
)
def test_from_json_gets_what_its_parameter_is_annotated_with(model: type, given: object) -> None:
    assert parser(model)(read_json("the body", f'{{"a": {LONG}, "b": "é"}}')) == given


class TakesUnnamedText:
    @classmethod
    def from_json(cls, s):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN206
        ...


class TakesTwo:
    @classmethod
    def from_json(cls, body: JsonObject, context: object) -> None: ...


class NotOfTheClass:
    def from_json(self, body: JsonObject) -> None: ...


class TakesNothing:
    @classmethod
    def from_json(cls) -> None: ...


class Asynchronous:
    @classmethod
    async def from_json(cls, body: JsonObject) -> None: ...


class Generating:
    @classmethod
    async def from_json(cls, _body: JsonObject) -> AsyncIterator[int]:
        yield 1


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (TakesUnnamedText, "s of TakesUnnamedText.from_json must be annotated: with str for JSON text"),
        (TakesTwo, r"TakesTwo.from_json must be a class method that takes one JSON object, got the parameters \("),
        (NotOfTheClass, r"must be a class method that takes one JSON object, got the parameters \(self, body"),
        (TakesNothing, r"must be a class method that takes one JSON object, got the parameters \(\)"),
        (Asynchronous, "must be a class method that takes one JSON object, got a coroutine function"),
        (Generating, "must be a class method that takes one JSON object, got an asynchronous generator function"),
    ],
)
def test_from_json_that_would_fail_at_each_message_is_refused_at_import(model: type, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        parser(model)


def test_strict_is_refused_for_a_class_that_reads_itself() -> None:
    with pytest.raises(TypeError, match="strict must be left out for Article, because the class itself says"):
        parser(Article, strict=True)


def raising(error: BaseException) -> type:
    class Own:
        @classmethod
        def from_json(cls, _body: JsonObject) -> Self:
            raise error

    return Own


def failing_dataclass(error: BaseException) -> type:
    @dataclass
    class Inner:
        n: int

        def __post_init__(self) -> None:
            raise error

    @dataclass
    class Outer:
        one: Inner | None

    return Outer


ERRORS = [KeyError("secret"), ValueError("secret"), OverflowError(), RecursionError(), ZeroDivisionError(), OSError()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_exception_of_a_reader_is_an_invalid_message_without_the_text(error: Exception) -> None:
    with pytest.raises(InvalidMessageError, match=rf"from_json must read the message, got {type(error).__name__}$"):
        parser(raising(error))({})


@pytest.mark.parametrize("error", [KeyError("secret"), OverflowError(), TypeError()], ids=repr)
def test_exception_of_a_dataclass_is_an_invalid_message(error: Exception) -> None:
    with pytest.raises(
        InvalidMessageError, match=f"Inner must take the values of the message, got {type(error).__name__}$"
    ):
        parser(failing_dataclass(error))({"one": {"n": 1}})


@pytest.mark.parametrize("error", [RetryableError("later"), UnavailableError("later"), PermanentError("never")])
@pytest.mark.parametrize("model", [raising, failing_dataclass])
def test_error_that_decides_keeps_its_meaning(model: Any, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        parser(model(error))({"one": {"n": 1}})

    assert caught.value is error


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=repr)
def test_what_is_no_fault_of_the_message_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        parser(raising(error))({})


@pytest.mark.parametrize("error", [SystemExit(), GeneratorExit(), asyncio.CancelledError()], ids=repr)
def test_reader_that_would_end_more_than_itself_makes_its_message_invalid(error: BaseException) -> None:
    with pytest.raises(InvalidMessageError, match=rf"must read the message, got {type(error).__name__}$"):
        parser(raising(error))({})


def test_key_by_name_that_cannot_be_read_makes_its_message_invalid() -> None:
    class Order:
        order_id: str

        @classmethod
        def from_json(cls, _body: JsonObject) -> "Order":
            return cls()

    with pytest.raises(InvalidMessageError, match=r"^the business key must be read .*, got AttributeError$"):
        key_function(Order, "order_id")(parser(Order)({}))


def test_wrong_environment_is_no_fault_of_the_message() -> None:
    with pytest.raises(UnavailableError, match=r"the environment of the function is wrong: T must be set"):
        parser(raising(EnvironmentContractError("T must be set")))({})


def test_exception_without_a_text_is_an_invalid_message_too() -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError

        def errors(self, **_: object) -> None:
            raise RuntimeError

    with pytest.raises(InvalidMessageError, match=r"got Mute$"):
        parser(raising(Mute()))({})


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_message_that_its_reader_fails_on_is_dead_lettered_at_once_and_its_neighbour_works(error: Exception) -> None:
    world = World()
    parse: Callable[[JsonObject], JsonObject] = parser(raising(error))

    def parse_one(body: JsonObject) -> JsonObject:
        return parse(body) if body["order_id"] == "bad" else body

    world.parse = parse_one
    assert world.receive(record({"order_id": "bad"}), record({"order_id": "good"}, "m-2")) == []
    assert sorted(world.statuses()) == [Status.COMPLETED, Status.DEAD]
    assert len(world.dead_letter_queue.sent) == 1


@dataclass
class Order:
    order_id: OrderId


@message_handler("orders", key="order_id")
def handler(order: Order, message: Message) -> None: ...


def test_key_may_be_a_new_type_of_text() -> None:
    assert callable(handler)


def test_exception_of_the_key_function_is_an_invalid_message() -> None:
    keys: dict[str, str] = {}
    key = guarded("the business key must be read from the message", keys.__getitem__)

    with pytest.raises(InvalidMessageError, match=r"^the business key must be read from the message, got KeyError$"):
        key("o-1")
