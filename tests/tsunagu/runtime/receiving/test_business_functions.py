"""Business functions: the model that one is annotated with, or a sentence on what is wrong with its shape."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NewType

import pytest

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.model import hints_of, key_function, model_of


@dataclass
class Order:
    order_id: str


class Beside:
    pass


class MoreThanBeside(Beside):
    pass


def annotated(order: Order, beside: Beside) -> None: ...
def as_text(order: "Order", beside: "Beside") -> None: ...
def positional_only(order: Order, beside: Beside, /) -> None: ...
def of_a_base(order: Order, beside: object) -> None: ...
def not_annotated_beside(order: Order, beside) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


@pytest.mark.parametrize("function", [annotated, as_text, positional_only, of_a_base, not_annotated_beside])
def test_model_is_the_class_of_the_first_parameter(function: Callable[..., object]) -> None:
    assert model_of(function, beside=Beside) is Order


def nothing_annotated(order, beside): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
def no_parameter() -> None: ...
def one_parameter(order: Order) -> None: ...
def three_parameters(order: Order, beside: Beside, more: int = 1) -> None: ...
def named_only(order: Order, *, beside: Beside) -> None: ...
def any_number(order: Order, *beside: Beside) -> None: ...
def no_class(order: Order | None, beside: Beside) -> None: ...
def something_else(order: Order, beside: int) -> None: ...
def of_a_subclass(order: Order, beside: MoreThanBeside) -> None: ...
async def later(order: Order, beside: Beside) -> None: ...
def bit_by_bit(order: Order, beside: Beside) -> Iterator[Beside]:
    yield beside


async def bit_by_bit_later(order: Order, beside: Beside) -> AsyncIterator[Beside]:
    yield beside


HERE = __name__
SHAPE = "must take a message of an annotated class and a Beside, got the parameters"


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (nothing_annotated, f"nothing_annotated {SHAPE} (order, beside)"),
        (no_parameter, f"no_parameter {SHAPE} ()"),
        (one_parameter, f"one_parameter {SHAPE} (order: {HERE}.Order)"),
        (
            three_parameters,
            f"three_parameters {SHAPE} (order: {HERE}.Order, beside: {HERE}.Beside, more: int = 1)",
        ),
        (named_only, f"named_only {SHAPE} (order: {HERE}.Order, beside: {HERE}.Beside)"),
        (any_number, f"any_number {SHAPE} (order: {HERE}.Order, *beside: {HERE}.Beside)"),
        (no_class, f"no_class {SHAPE} (order: {HERE}.Order | None, beside: {HERE}.Beside)"),
        (something_else, f"something_else {SHAPE} (order: {HERE}.Order, beside: int)"),
        (of_a_subclass, f"of_a_subclass {SHAPE} (order: {HERE}.Order, beside: {HERE}.MoreThanBeside)"),
        (later, "later must be a plain function, got a coroutine function"),
        (bit_by_bit, "bit_by_bit must be a plain function, got a generator function"),
        (bit_by_bit_later, "bit_by_bit_later must be a plain function, got an asynchronous generator function"),
    ],
)
def test_function_of_another_shape_is_refused_with_its_name_and_what_it_has(
    function: Callable[..., object], sentence: str
) -> None:
    with pytest.raises(TypeError) as caught:
        model_of(function, beside=Beside)

    assert str(caught.value) == sentence


def test_function_without_a_name_is_shown_as_python_shows_it() -> None:
    nameless = partial(later)

    with pytest.raises(TypeError) as caught:
        model_of(nameless, beside=Beside)

    assert str(caught.value) == f"{nameless!r} must be a plain function, got a coroutine function"


def only_for_type_checkers(order: Order, beside: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821


def test_annotation_that_is_not_imported_at_run_time_is_named() -> None:
    sentence = "the annotations of only_for_type_checkers must be imported at run time too, got name 'Missing'"
    with pytest.raises(TypeError, match=f"^{sentence} is not defined$"):
        model_of(only_for_type_checkers, beside=Beside)


def test_annotations_of_a_class_are_those_of_its_fields() -> None:
    assert hints_of("Order", Order) == {"order_id": str}


Number = NewType("Number", int)
Serial = NewType("Serial", Number)


@dataclass
class Keyed:
    name: str
    number: int
    serial: Serial
    tags: list[str]
    is_gift: bool


KEYED = Keyed("n-1", 7, Serial(Number(8)), [], is_gift=True)


@pytest.mark.parametrize(
    ("key", "expected"), [("name", "n-1"), ("number", 7), ("serial", 8), (lambda keyed: f"{keyed.name}!", "n-1!")]
)
def test_business_key_is_a_field_or_what_a_function_returns(key: Any, expected: object) -> None:
    assert key_function(Keyed, key)(KEYED) == expected


@pytest.mark.parametrize("key", ["nunber", "tags", "is_gift", None])
def test_business_key_that_is_no_text_or_number_of_the_model_is_refused_in_words(key: Any) -> None:
    with pytest.raises(TypeError) as caught:
        key_function(Keyed, key)

    assert str(caught.value) == f"key must be a str or int field of Keyed, or a function of it, got {key!r}"


def test_exception_of_a_function_of_the_key_makes_the_message_invalid() -> None:
    read = key_function(Keyed, lambda keyed: str(keyed.tags[5]))

    with pytest.raises(InvalidMessageError, match=r"^the business key must be read from the message, got IndexError$"):
        read(KEYED)


def test_annotation_of_a_model_that_is_not_imported_is_named_for_its_key() -> None:
    @dataclass
    class Broken:
        name: "Missing"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match=r"^the annotations of Broken must be imported at run time too, got name 'Miss"):
        key_function(Broken, "name")
