"""The types that a field of a message may have: what is read, what is refused, and what is told at import."""

import contextlib
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar, get_args
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import ExactFloat, JsonObject, json_text, read_json
from tsunagu.runtime.receiving.model import parser

AN_ID = "12345678-1234-5678-1234-567812345678"
OrderId = NewType("OrderId", str)
Marked = NewType("Marked", Annotated[int, "a note"])
Tags = TypeAliasType("Tags", dict[str, int])
Notes = TypeAliasType("Notes", list[str])
T = TypeVar("T")


class Colour(StrEnum):
    RED = "red"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Colour | None":
        return cls.OTHER if value == "green" else None


class Level(IntEnum):
    LOW = 1


class Switch(Enum):
    ON = True
    OFF = None


@dataclass
class Node:
    name: str
    parts: "list[Node]" = field(default_factory=list)
    beside: "Node | None" = None


@dataclass
class Basic:
    id: str


@dataclass
class Full:
    id: str
    extra: int


@dataclass
class Add:
    left: "Add | Multiply | int"
    right: "Add | Multiply | int"


@dataclass
class Multiply:
    left: "Add | Multiply | int"
    right: "Add | Multiply | int"
    rounds: bool = False


def read(hint: Any, value: Any, *, strict: bool = False) -> Any:
    """Read `value` as the field `x`, of the type `hint`."""
    model = make_dataclass("Model", [("x", hint)])
    return parser(model, strict=strict)({"x": value}).x


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (date, "2026-01-31", date(2026, 1, 31)),
        (datetime, "2026-01-31T09:30", datetime(2026, 1, 31, 9, 30)),  # noqa: DTZ001 - as it was given
        (datetime, "2026-01-31 09:30:01.5Z", datetime(2026, 1, 31, 9, 30, 1, 500_000, tzinfo=UTC)),
        (
            datetime,
            "2026-01-31T09:30:00+05:30",
            datetime(2026, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        ),
        (time, "09:30", time(9, 30)),
        (time, "09:30:00Z", time(9, 30, tzinfo=UTC)),
        (UUID, AN_ID, UUID(AN_ID)),
        (Decimal, 12, Decimal(12)),
        (Decimal, 0.1, Decimal("0.1")),
        (Decimal, "-12.50", Decimal("-12.50")),
        (Colour, "red", Colour.RED),
        (Colour, "green", Colour.OTHER),
        (Level, 1, Level.LOW),
        (Switch, True, Switch.ON),
        (Switch, None, Switch.OFF),
        (Literal["a", 1] | None, "a", "a"),
        (Literal["a", 1] | None, None, None),
        (Literal[Colour.RED], "red", Colour.RED),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (Mapping[str, Decimal], {"a": "1.5"}, {"a": Decimal("1.5")}),
        (dict[OrderId, int], {"a": 1}, {"a": 1}),
        (Sequence[int], [1], [1]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (tuple[()], [], ()),
        (list, [1, "a"], [1, "a"]),
        (dict, {"a": [1]}, {"a": [1]}),
        (tuple, [1, "a"], (1, "a")),
        (typing.List, [1, "a"], [1, "a"]),  # noqa: UP006 - old names are read too
        (typing.Dict, {"a": [1]}, {"a": [1]}),  # noqa: UP006
        (typing.Tuple, [1, "a"], (1, "a")),  # noqa: UP006
        (Sequence, [1, "a"], [1, "a"]),
        (typing.Mapping, {"a": [1]}, {"a": [1]}),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
        (object, 1.5, 1.5),
        (OrderId, "o", "o"),
        (Marked, 1, 1),
        (Annotated[int, "a note"], 1, 1),
        (list[Annotated[OrderId, "a note"]], ["o"], ["o"]),
        (Tags, {"a": 1}, {"a": 1}),
        (tuple[Tags, Notes], [{"a": 1}, ["b"]], ({"a": 1}, ["b"])),
        (Node, {"name": "a", "parts": [{"name": "b"}]}, Node("a", [Node("b")])),
        (Node | None, None, None),
        (int | float, 1, 1),
        (date | str, "2026-01-31", date(2026, 1, 31)),
        (date | str, "soon", "soon"),
        (Basic | Full, {"id": "a", "extra": 1}, Full("a", 1)),
        (Basic | Full, {"id": "a", "extra": 1, "newer": 1}, Basic("a")),
        (Basic | Full, {"id": "a", "other": 1}, Basic("a")),
        (Add | Multiply, {"left": {"left": 1, "right": 2, "newer": 3}, "right": 4}, Add(Add(1, 2), 4)),
        (list[Add | Multiply], [{"left": 1, "right": 2}, {"left": 3, "right": 4}], [Add(1, 2), Add(3, 4)]),
        (list[Basic] | list[Full], [{"id": "a", "extra": 1}], [Full("a", 1)]),
    ],
    ids=repr,
)
def test_value_is_read(hint: Any, value: Any, expected: Any) -> None:
    found = read(hint, value)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("hint", "value", "reason"),
    [
        (date, "2026-02-30", "x must be a date such as 2026-01-31, got '2026-02-30'"),
        (date, "20260131", "x must be a date .*, got '20260131'$"),
        (date, "2026-01-31T00:00:00", "x must be a date"),
        (date, 20260131, "x must be a date .*, got 20260131$"),
        (datetime, "2026-01-31", "x must be a time such as 2026-01-31T09:30:00Z, got '2026-01-31'"),
        (datetime, "2026-01-31T25:00", "x must be a time .*, got '2026-01-31T25:00'$"),
        (datetime, 1_769_851_800, "x must be a time"),
        (time, "9:30", "x must be a time of day such as 09:30:00, got '9:30'"),
        (UUID, f"{{{AN_ID}}}", "x must be a UUID"),
        (UUID, AN_ID.replace("-", ""), "x must be a UUID"),
        (Decimal, "NaN", "x must be a number, or text with a number, got 'NaN'"),
        (Decimal, "1_0", "x must be a number"),
        (Decimal, " 1", "x must be a number"),
        (Decimal, True, "x must be a number, or text with a number, got True"),
        (Decimal, 10**400, "x must be a number of moderate size, got 10{59}$"),
        (Decimal, "1e400", "x must be a number of moderate size, got '1e400'"),
        (Decimal, "1e-999999", "x must be a number of moderate size"),
        (Colour, "blue", r"x must be one of \['red', 'other'\], got 'blue'"),
        (Colour, ["red"], r"x must be one of .*, got \['red'\]$"),
        (Level, True, r"x must be one of \[1\], got True"),
        (Level, 1.0, r"x must be one of \[1\], got 1.0"),
        (Switch, 1, "x must be one of"),
        (Literal["a", 1], True, "x must be one of"),
        (dict[str, int], {"a": "b"}, r"x\['a'\] must be a whole number, got 'b'"),
        (dict[str, int], [], r"x must be an object, got \[\]"),
        (tuple[int, str], [1], r"x must be a list of 2 values, got \[1\]"),
        (tuple[int, str], [1, 2], r"x\[1\] must be text, got 2"),
        (tuple[int, ...], [1, "a"], r"x\[1\] must be a whole number, got 'a'"),
        (list[Node], [{"name": "a", "parts": [{"name": 1}]}], r"x\[0\]\.parts\[0\]\.name must be text, got 1"),
        (list[Node] | None, [{"name": 1}], r"x\[0\]\.name must be text, got 1"),
        (Colour | Node, {"name": 1}, r"x\.name must be text, got 1"),
        (Literal["a"] | Node, {"name": 1}, r"x\.name must be text, got 1"),
        (list[Node] | None, 1, r"x must be .*Node.* \| None, got 1"),
        (Basic | Full, 1, "x must be .*Basic | .*Full, got 1$"),
        (float, 10**309, "x must be a number of moderate size, got 10{59}$"),
        (float, True, "x must be a number, got True"),
        (int, 1.0, "x must be a whole number, got 1.0"),
    ],
    ids=repr,
)
def test_value_of_another_type_is_refused_with_its_place(hint: Any, value: Any, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=f"^{reason}"):
        read(hint, value)


def test_number_with_more_digits_than_a_float_is_exact_as_a_decimal_and_as_anything() -> None:
    value = read_json("the body", "12345678901234567.89")

    assert read(Decimal, value) == Decimal("12345678901234567.89")
    assert json_text(read(Any, value)) == "12345678901234567.89"
    assert (type(read(Any, value)), type(read(float, value))) == (ExactFloat, float)


@given(st.decimals("-1e30", "1e30", allow_nan=False, places=10))
def test_decimal_is_the_number_that_was_sent(number: Decimal) -> None:
    assert read(Decimal, read_json("the body", f"{number:f}")) == number


@dataclass
class Impossible:
    when: list[complex]


class Unfit(Enum):
    PAIR = (1, 2)


@dataclass
class Page(Generic[T]):
    item: T


@dataclass
class WithInitVar:
    name: str
    seed: InitVar[int]


@dataclass(init=False)
class WithOwnName:
    name: str

    def __init__(self, called: str = "") -> None:
        self.name = called


@dataclass(init=False)
class TakingAny:
    name: str

    def __init__(self, **fields: str) -> None:
        self.name = fields["name"]


@dataclass(init=False)
class TakingMore:
    name: str

    def __init__(self, name: str, more: int = 1) -> None:
        self.name = name * more


class Plain:
    pass


class Empty(Enum):
    pass


@pytest.mark.parametrize(
    ("hint", "sentence"),
    [
        (complex, r"Model\.x must be a str, int, float, .*, got <class 'complex'>"),
        (bytes, r"Model\.x must be"),
        (timedelta, r"Model\.x must be"),
        (set[str], r"Model\.x must be .*, got set\[str\]$"),
        (Plain, r"Model\.x must be"),
        (list[complex], r"Model\.x\[\] must be"),
        (dict[str, tuple[int, complex]], r"Model\.x\[\]\[1\] must be"),
        (dict[int, str], r"Model\.x must be .* dict of str"),
        (int | complex, r"Model\.x must be"),
        (list[Impossible], r"Model\.x\[\]\.when\[\] must be"),
        (Page[int], r"Model\.x must be"),
        (Page, r"Model\.x\.item must be .*, got ~T$"),
        (Unfit, r"Model\.x must have values that JSON can hold, got \(1, 2\) in <enum 'Unfit'>$"),
        (Empty, r"Model\.x must be .*, got <enum 'Empty'>$"),
        (Literal[b"a"], r"Model\.x must have values that JSON can hold, got b'a' in typing.Literal\[b'a'\]$"),
        (Literal[()], r"Model\.x must be .*, got typing.Literal\[\(\)\]$"),
        (WithOwnName, r"Model\.x must be made of its fields \['name'\], got the parameters \['called'\]"),
        (WithInitVar, r"Model\.x must be made of its fields \['name'\], got the parameters \['name', 'seed'\]"),
        ("list[Gone]", "the annotations of Model must be imported at run time too, got name 'Gone' is not defined"),
    ],
    ids=repr,
)
def test_type_that_cannot_be_read_is_told_at_import_with_its_path(hint: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match=f"^{sentence}"):
        read(hint, None)


@pytest.mark.parametrize("model", [TakingAny, TakingMore])
def test_dataclass_may_have_a_constructor_of_its_own_that_takes_its_fields(model: Any) -> None:
    assert parser(model)({"name": "a"}) == model(name="a")


def test_class_within_a_function_may_contain_itself() -> None:
    @dataclass
    class Tree:
        leaves: "list[Tree]"

    assert parser(Tree)({"leaves": [{"leaves": []}]}) == Tree([Tree([])])


def test_message_that_nests_deeper_than_python_calls_is_refused() -> None:
    deep: dict[str, Any] = {"name": "a"}
    for _ in range(5_000):
        deep = {"name": "a", "beside": deep}

    with pytest.raises(InvalidMessageError, match="Node must be read from the message, got RecursionError"):
        parser(Node)(deep)


def test_unions_in_unions_are_read_in_a_time_that_grows_with_the_message() -> None:
    deep: Any = "no number"
    for _ in range(60):  # without a memory, two readers for each level: 2 to the power of 60
        deep = {"left": 1, "right": deep}

    with pytest.raises(InvalidMessageError, match="x must be"):
        read(Add | Multiply, deep)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4),
    max_leaves=8,
)
ALL_TYPES = (
    date
    | datetime
    | time
    | UUID
    | Decimal
    | Colour
    | Level
    | Literal["a"]
    | list[Node]
    | dict[str, Add]
    | tuple[int, str]
)

MODELS = [make_dataclass("Model", [("x", hint)]) for hint in (ALL_TYPES, *get_args(ALL_TYPES), float, int | Switch)]
PARSERS: dict[bool, list[Callable[[JsonObject], object]]] = {
    strict: [parser(model, strict=strict) for model in MODELS] for strict in (True, False)
}


@given(value=JSON_VALUES, strict=st.booleans())
@example(value=10**4_000, strict=False)
@example(value=[{"name": "a", "beside": {"name": 10**309}}], strict=True)
@example(value="0000-00-00", strict=False)
def test_any_value_is_read_or_refused_as_an_invalid_message(value: Any, strict: bool) -> None:
    for parse in PARSERS[strict]:
        with contextlib.suppress(InvalidMessageError):
            parse({"x": value})
