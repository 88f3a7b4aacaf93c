"""Hostile errors: whatever an error of one message does, its neighbours are done, and it counts and dies."""

import asyncio
import itertools
import math
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall, RetryableError, UnavailableError, described, error_text, error_type
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.telemetry import error_fields


class WithoutTextError(ValueError):
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class ExitingTextError(ValueError):
    def __str__(self) -> str:
        raise SystemExit


class OddText(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __iter__(self) -> Any:
        raise RuntimeError

    def __getitem__(self, _index: object) -> Self:
        raise RuntimeError


class OddTextError(ValueError):
    def __str__(self) -> str:
        return OddText("odd")


class OddClassError(ValueError):
    @property
    def __class__(self) -> Any:
        raise RuntimeError

    @__class__.setter
    def __class__(self, _value: object) -> None: ...


class OddTracebackError(ValueError):
    @property
    def __traceback__(self) -> Any:
        raise RuntimeError

    @__traceback__.setter
    def __traceback__(self, _value: object) -> None: ...


class BareRetryableError(RetryableError):
    def __init__(self) -> None: ...


class PropertyRetryableError(RetryableError):
    def __init__(self) -> None: ...

    @property
    def after_seconds(self) -> float:
        raise RuntimeError

    @after_seconds.setter
    def after_seconds(self, _value: float) -> None: ...


class PropertyUnavailableError(UnavailableError):
    def __init__(self) -> None: ...

    @property
    def after_seconds(self) -> float:
        raise RuntimeError

    @after_seconds.setter
    def after_seconds(self, _value: float) -> None: ...

    @property
    def call(self) -> FailedCall:
        raise SystemExit

    @call.setter
    def call(self, _value: FailedCall) -> None: ...


class BareUnavailableError(UnavailableError):
    def __init__(self) -> None: ...


class OddNumber(float):
    def __le__(self, _other: object) -> bool:
        raise RuntimeError

    __ge__ = __le__


def unavailable(after_seconds: Any, call: Any = None) -> UnavailableError:
    error = UnavailableError("gone")
    error.after_seconds, error.call = after_seconds, call
    return error


def retryable(after_seconds: Any) -> RetryableError:
    error = RetryableError("later")
    error.after_seconds = after_seconds
    return error


ERRORS = [
    WithoutTextError(),
    ExitingTextError(),
    OddTextError(),
    OddClassError("odd"),
    OddTracebackError(),
    ValueError("half a pair: \ud800"),
    ValueError("x" * 2_000_000),
    ValueError(),
    RecursionError(),
    MemoryError(),
    StopIteration(),
    BareRetryableError(),
    PropertyRetryableError(),
    *map(retryable, [math.nan, math.inf, -math.inf, -1, 10**400, "7", b"7", True, [], object(), OddNumber(7)]),
    GeneratorExit(),
    asyncio.CancelledError(),
    BaseException("none of the known"),
    BaseExceptionGroup("several", [KeyboardInterrupt(), ValueError()]),
]
# Of a business function, it ends the process; a reader has no reason to.
ERRORS_OF_READERS = [*ERRORS, SystemExit(3)]
NAMES = [f"{number}-{type(error).__name__}" for number, error in enumerate(ERRORS_OF_READERS)]


@pytest.mark.parametrize(
    ("number", "where"),
    [
        *itertools.product(range(len(ERRORS)), ["process", "parse", "key"]),
        *itertools.product(range(len(ERRORS), len(ERRORS_OF_READERS)), ["parse", "key"]),
    ],
    ids=lambda part: NAMES[part] if isinstance(part, int) else part,
)
@pytest.mark.parametrize("concurrency", [1, 3])
def test_hostile_error_harms_no_neighbour_and_dies_with_a_reason(number: int, where: str, concurrency: int) -> None:
    world = World()
    world.concurrency = concurrency

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "bad":
            raise ERRORS[number]
        world.work(body, message)

    class Key(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise ERRORS_OF_READERS[number]

    def parse(body: JsonObject) -> JsonObject:
        if body["order_id"] == "bad" and where != "process":
            if where == "key":
                return Key(body)
            raise ERRORS_OF_READERS[number]
        return body

    world.parse = parse
    bad = record(order("bad"), "m-bad")
    good = [record(order("good-1"), "m-1"), record(order("good-2"), "m-2")]

    returned = world.receive(good[0], bad, good[1], process=process)
    deliveries = 1
    while "m-bad" in returned and deliveries < MAX_ATTEMPTS:
        assert returned == ["m-bad"]
        returned = world.receive(bad, process=process)
        deliveries += 1

    assert (returned, sorted(map(str, world.effects()))) == ([], ["good-1", "good-2"])
    (dead,) = [item for item in world.store.items.values() if item.status is Status.DEAD]
    assert 0 < len(dead.reason.encode()) <= 1_024
    assert [letter.body for letter in world.dead_letter_queue.sent] == ['{"order_id": "bad"}']


@pytest.mark.parametrize(
    "error",
    [
        PropertyUnavailableError(),
        BareUnavailableError(),
        *map(unavailable, [math.nan, math.inf, -1, 10**400, "7", True, [], OddNumber(7)]),
        unavailable(None, "no call"),
        unavailable(None, WithoutTextError()),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 3])
def test_hostile_outage_harms_no_neighbour_and_costs_no_attempt(error: UnavailableError, concurrency: int) -> None:
    world = World()
    world.concurrency = concurrency

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "bad":
            raise error
        world.work(body, message)

    records = [record(order(key), f"m-{key}") for key in ("good-1", "bad", "good-2")]

    assert world.receive(*records, process=process) == ["m-bad"]
    assert sorted(map(str, world.effects())) == ["good-1", "good-2"]
    (back,) = [item for item in world.store.items.values() if item.status is Status.RELEASED]
    assert (back.attempts, world.visibility.changed) == (0, {})


@pytest.mark.parametrize("number", range(len(ERRORS)), ids=NAMES[: len(ERRORS)])
def test_description_and_log_fields_of_an_error_raise_nothing(number: int) -> None:
    described(ERRORS[number]).encode()
    assert all(isinstance(value, str) for value in error_fields(ERRORS[number]).values())


@given(
    st.text(st.characters(exclude_categories=())),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_any_text_and_any_name_become_printable_and_bounded(text: str, name: str) -> None:
    error = type(name, (Exception,), {})(text)

    assert error_text(error).isprintable()
    assert error_type(error).isprintable()
    assert (len(error_text(error)) <= 1_024, len(error_type(error)) <= 100) == (True, True)


@pytest.mark.parametrize("seconds", [0, 0.5, 42_000])
def test_delay_in_range_is_taken_however_it_was_set(seconds: float) -> None:
    world = World()

    def process(_body: JsonObject, _message: Message) -> None:
        raise retryable(seconds)

    world.receive(record(order("o-1")), process=process)

    assert world.visibility.changed == {"handle-m-1": math.ceil(seconds)}


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_end_of_the_process_is_no_failed_attempt(end: type[BaseException]) -> None:
    world = World()

    def process(_body: JsonObject, _message: Message) -> None:
        raise end

    with pytest.raises(end):
        world.receive(record(order("o-1")), process=process)
    assert world.only_item().status is Status.INPROGRESS
