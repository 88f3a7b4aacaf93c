"""Unfinished work: a function that returns a coroutine or a generator did nothing; its message comes back."""

import warnings
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, cast

import pytest

from tests.tsunagu.runtime.pipeline.world import PipelineWorld
from tests.tsunagu.runtime.world import MAX_ATTEMPTS, Process, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.functions.wiring import without_blame


async def coroutine(*_arguments: object) -> None: ...


def generator(*_arguments: object) -> Iterator[int]:
    yield 1


async def asynchronous_generator(*_arguments: object) -> AsyncIterator[int]:
    yield 1


def begun_generator(*_arguments: object) -> Generator[int, None, None]:
    def steps() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            raise ValueError

    begun = steps()
    next(begun)
    return begun


class Awaitable:
    def __await__(self) -> Generator[Any, None, None]:
        yield


class AsynchronousCall:
    async def __call__(self, *_arguments: object) -> None: ...


UNFINISHED: dict[str, Callable[..., Any]] = {
    "coroutine": coroutine,
    "generator": generator,
    "async_generator": asynchronous_generator,
    "generator that was begun": begun_generator,
    "Awaitable": lambda *_: Awaitable(),
    "coroutine of an object": AsynchronousCall(),
    "map": lambda *_: map(print, [1]),
    "filter": lambda *_: filter(print, [1]),
    "zip": lambda *_: zip([1], [2], strict=True),
    "Future": lambda *_: Future(),
    "coroutine in a list": lambda *_: [coroutine(), coroutine()],
    "coroutine in a tuple": lambda *_: (1, coroutine()),
    "coroutine in a dict": lambda *_: {"first": coroutine()},
}


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    """A coroutine that nobody awaits prints a warning, unless it is closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("kind", UNFINISHED)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_function_that_returns_unfinished_work_has_failed(kind: str, concurrency: int) -> None:
    world = World()
    world.concurrency = concurrency

    returned = world.receive(record(order("o-1")), process=cast("Process", without_blame(UNFINISHED[kind])))

    item = world.only_item()
    assert (returned, item.status, item.attempts) == (["m-1"], Status.RELEASED, 1)
    assert item.reason.startswith("the business function must do its work before it returns, got a ")


def test_unfinished_work_is_dead_lettered_when_its_attempts_are_spent() -> None:
    world = World()

    batches = [world.receive(record(order("o-1")), process=cast("Process", coroutine)) for _ in range(MAX_ATTEMPTS)]

    assert (batches[-1], world.statuses(), len(world.dead_letter_queue.sent)) == ([], [Status.DEAD], 1)


@pytest.mark.parametrize("part", ["parser", "key function"])
def test_asynchronous_parser_or_key_function_is_no_payload_and_no_key(part: str) -> None:
    class Later(dict[str, Any]):
        def __getitem__(self, _name: str) -> Any:
            return coroutine()

    world = World()
    world.parse = cast("Any", coroutine) if part == "parser" else cast("Any", Later)

    assert world.receive(record(order("o-1"))) == ["m-1"]
    assert world.only_item().reason.startswith(f"the {part} must do its work before it returns, got a coroutine")


@pytest.mark.parametrize("kind", UNFINISHED)
def test_service_of_a_pipeline_that_returns_unfinished_work_has_failed(kind: str) -> None:
    world = PipelineWorld()
    world.business["inventory"] = UNFINISHED[kind]
    run = world.start()["run_id"]

    world.deliver("inventory")

    item = world.item(run, "inventory")
    assert item is not None
    assert (item.status, item.attempts) == (Status.RELEASED, 1)
    assert item.reason.startswith("the business function must do its work before it returns, got a ")
