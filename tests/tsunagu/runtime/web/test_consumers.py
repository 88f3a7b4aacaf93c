"""Consumers: each message goes to the function of its type, once, with what it asks for."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, Query, Request, Security
from pydantic import BaseModel

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tests.tsunagu.runtime.web.web_world import WebWorld, typed
from tests.tsunagu.runtime.world import record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.web.background import BackgroundTaskError
from tsunagu.runtime.web.consumers import Consumers
from tsunagu.runtime.web.current import current_outbox, current_request
from tsunagu.runtime.web.dependencies import Plan

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/1/next"


@dataclass
class Placed:
    order_id: str
    amount: int = 0


class Cancelled(BaseModel):
    order_id: str
    why: str


def test_message_goes_to_the_consumer_of_its_type_once(world: WebWorld) -> None:
    seen: list[object] = []

    @world.on("order.placed")
    def place(order: Placed, message: Message) -> None:
        seen.append(order)
        message.put("orders", {"order_id": order.order_id})

    @world.on("order.cancelled")
    async def cancel(order: Cancelled, message: Message) -> None:
        await asyncio.sleep(0)
        seen.append(order)
        message.put("cancelled", {"order_id": order.order_id})

    records = [typed("order.placed", amount=7), typed("order.cancelled", message_id="m-2", why="late")]

    assert world.receive_typed(*records) == []
    assert world.receive_typed(*records) == []
    assert seen == [Placed("o-1", 7), Cancelled(order_id="o-1", why="late")]
    assert world.effects() == ["o-1", "o-1"]
    assert world.statuses() == [Status.COMPLETED] * 2
    assert world.counted()["DuplicatesSkipped"] == 2


def test_consumer_stays_the_function_that_it_is(world: WebWorld) -> None:
    def place(_order: Placed) -> None: ...

    assert world.on("order.placed")(place) is place


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (typed("order.unknown"), "a message must be of a type that has a consumer, got 'order.unknown'"),
        (typed("x" * 5_000), f"a message must be of a type that has a consumer, got '{'x' * 64}'"),
        (typed(None), "a message must have a type, in the attribute 'type' or in this field, got none"),
        (
            typed(None, type=7),
            "a message must have a type, in the attribute 'type' or in this field, got another value",
        ),
        (typed("a", type="b"), "the type of a message must be the same in the attribute 'type' and in its field"),
        (typed("order.placed", amount="7"), "amount must be a whole number, got "),
        (typed("order.placed", key=""), "the business key must be text that is not empty"),
        (record("no json"), "the body must be JSON"),
    ],
)
def test_message_that_no_consumer_can_take_is_dead_lettered_with_the_reason(
    world: WebWorld, sent: dict[str, Any], reason: str
) -> None:
    @world.on("order.placed")
    def place(_order: Placed, message: Message) -> None:
        message.put("orders", {"order_id": "never"})

    assert world.receive_typed(sent) == []
    assert [got[: len(reason)] for got in world.reasons()] == [reason]
    assert world.effects() == []


@pytest.mark.parametrize("text", [each for each in REFUSED_TEXTS if isinstance(each, str)])
def test_message_that_is_no_json_is_dead_lettered_and_harms_no_other(world: WebWorld, text: str) -> None:
    world.on("order.placed")(lambda_free)

    assert world.receive_typed(record(text, "m-1", attributes={"type": "order.placed"}), typed("order.placed")) == []
    assert len(world.reasons()) == 1
    assert REFUSED_TEXTS[text] in world.reasons()[0]


def test_nul_in_a_message_is_a_character_like_any_other(world: WebWorld) -> None:
    seen: list[str] = []

    @world.on("order.placed")
    def place(order: Placed) -> None:
        seen.append(order.order_id)

    assert world.receive_typed(typed("order.placed", key="o\0-1")) == []
    assert (seen, world.reasons()) == (["o\0-1"], [])


def test_type_may_be_a_field_of_the_body(world: WebWorld) -> None:
    seen: list[str] = []

    @world.on("order.placed")
    def place(order: Placed) -> None:
        seen.append(order.order_id)

    both = typed("order.placed", "o-2", "m-2", type="order.placed")
    assert world.receive_typed(record({"type": "order.placed", "order_id": "o-1"}), both) == []
    assert seen == ["o-1", "o-2"]


def test_type_may_have_another_name(world: WebWorld) -> None:
    seen: list[str] = []
    world.consumers = Consumers("event_type", world.loop.run, dict)

    @world.on("order.placed")
    def place(order: Placed) -> None:
        seen.append(order.order_id)

    assert world.receive_typed(record({"order_id": "o-1"}, attributes={"event_type": "order.placed"})) == []
    assert world.receive_typed(typed("order.placed", "o-2", "m-2")) == []
    assert (seen, len(world.reasons())) == (["o-1"], 1)


def test_messages_of_two_types_with_one_key_are_no_copies(world: WebWorld) -> None:
    seen: list[str] = []
    for each in ("a", "b"):

        @world.on(each)
        def consume(_order: Placed, which: str = each) -> None:
            seen.append(which)

    assert world.receive_typed(typed("a"), typed("b", message_id="m-2")) == []
    assert seen == ["a", "b"]


def test_key_that_is_a_number_is_not_its_text(world: WebWorld) -> None:
    seen: list[object] = []

    @world.on("a", key=lambda body: body.raw)
    def consume(body: "Raw") -> None:
        seen.append(body.raw)

    assert world.receive_typed(typed("a", raw=1), typed("a", message_id="m-2", raw="1")) == []
    assert seen == [1, "1"]


@dataclass
class Raw:
    raw: int | str


@pytest.mark.parametrize("is_async", [True, False])
def test_failed_consumer_commits_nothing_and_is_counted(world: WebWorld, is_async: bool) -> None:
    def fail(_order: Placed, message: Message, outbox: Outbox) -> None:
        message.put("orders", {"order_id": "never"})
        outbox.send(QUEUE_URL, "never sent")
        raise ValueError

    async def fail_later(order: Placed, message: Message, outbox: Outbox) -> None:
        await asyncio.sleep(0)
        fail(order, message, outbox)

    world.on("order.placed")(fail_later if is_async else fail)

    assert world.receive_typed(typed("order.placed")) == ["m-1"]
    assert world.only_item().attempts == 1
    assert (world.effects(), world.bodies_sent()) == ([], [])


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError, GeneratorExit])
def test_cancelled_consumer_is_a_failed_attempt(world: WebWorld, error: type[BaseException]) -> None:
    @world.on("order.placed")
    async def place(_order: Placed) -> None:
        raise error

    assert world.receive_typed(typed("order.placed")) == ["m-1"]
    assert world.only_item().attempts == 1


def test_permanent_error_of_an_async_consumer_dead_letters(world: WebWorld) -> None:
    @world.on("order.placed")
    async def place(_order: Placed) -> None:
        msg = "no such customer"
        raise PermanentError(msg)

    assert world.receive_typed(typed("order.placed")) == []
    assert world.reasons() == ["no such customer"]


def test_dependencies_are_resolved_as_for_routes(world: WebWorld) -> None:
    calls: list[str] = []

    def settings() -> str:
        calls.append("settings")
        return "s"

    async def client(config: Annotated[str, Depends(settings)]) -> str:
        calls.append("client")
        return f"client of {config}"

    def session(config: str = Depends(settings)) -> Iterator[str]:
        calls.append("session begins")
        yield f"session of {config}"
        calls.append("session ends")

    async def lock(opened: Annotated[str, Depends(session)]) -> AsyncIterator[str]:
        calls.append("lock begins")
        yield f"lock of {opened}"
        calls.append("lock ends")

    class Service:
        def __init__(self, own: Annotated[str, Depends(client)], limit: int = 10) -> None:
            self.own, self.limit = own, limit

        def __call__(self) -> str:
            return "called"

    @world.on("order.placed")
    async def place(
        order: Placed,
        service: Annotated[Service, Depends()],
        held: Annotated[str, Depends(lock)],
        fresh: Annotated[str, Depends(settings, use_cache=False)],
        partly: Annotated[str, Depends(functools.partial(Service, limit=3))],
    ) -> None:
        calls.append(f"{order.order_id}: {service.own}, {service.limit}, {held}, {fresh}, {partly.limit}")  # type: ignore[attr-defined]

    assert world.receive_typed(typed("order.placed")) == []
    assert calls == [
        *("settings", "client", "session begins", "lock begins", "settings"),
        "o-1: client of s, 10, lock of session of s, s, 3",
        *("lock ends", "session ends"),
    ]


def test_plain_dependencies_need_no_event_loop(world: WebWorld) -> None:
    def session() -> Iterator[str]:
        yield "session"

    @world.on("order.placed")
    def place(order: Placed, message: Message, opened: Annotated[str, Depends(session)]) -> None:
        message.put("orders", {"order_id": f"{order.order_id} {opened}"})

    assert not world.consumers.are_async
    assert world.receive_typed(typed("order.placed")) == []
    assert world.effects() == ["o-1 session"]


@pytest.mark.parametrize("is_async", [True, False])
def test_dependency_that_fails_at_its_end_fails_the_message(world: WebWorld, is_async: bool) -> None:
    def session() -> Iterator[str]:
        yield "session"
        raise ValueError

    def place(_order: Placed, message: Message, _opened: Annotated[str, Depends(session)]) -> None:
        message.put("orders", {"order_id": "never"})

    async def place_later(order: Placed, message: Message, opened: Annotated[str, Depends(session)]) -> None:
        place(order, message, opened)

    world.on("order.placed")(place_later if is_async else place)

    assert world.receive_typed(typed("order.placed")) == ["m-1"]
    assert world.effects() == []


def test_dependency_sees_the_error_of_the_consumer(world: WebWorld) -> None:
    seen: list[str] = []

    def session() -> Iterator[str]:
        try:
            yield "session"
        except ValueError:
            seen.append("rolled back")
            raise

    @world.on("order.placed")
    def place(_order: Placed, _opened: Annotated[str, Depends(session)]) -> None:
        raise ValueError

    assert world.receive_typed(typed("order.placed")) == ["m-1"]
    assert seen == ["rolled back"]


def test_override_of_a_dependency_counts_for_consumers_too(world: WebWorld) -> None:
    seen: list[str] = []

    def real() -> str:
        return "real"

    @world.on("order.placed")
    def place(_order: Placed, which: Annotated[str, Depends(real)]) -> None:
        seen.append(which)

    async def fake() -> str:
        return "fake"

    world.receive_typed(typed("order.placed"))
    world.overrides[real] = fake
    world.receive_typed(typed("order.placed", "o-2", "m-2"))
    assert seen == ["real", "fake"]


def test_dependency_that_returns_unfinished_work_fails_the_message(world: WebWorld) -> None:
    async def later() -> str:
        return "later"

    def unfinished() -> Any:
        return later()

    @world.on("order.placed")
    def place(_order: Placed, _value: Annotated[str, Depends(unfinished)]) -> None: ...

    assert world.receive_typed(typed("order.placed")) == ["m-1"]
    assert "must do its work before it returns" in world.only_item().reason


def test_outbox_is_a_dependency_and_is_sent_after_the_commit(world: WebWorld) -> None:
    def sender(outbox: Annotated[Outbox, Depends(current_outbox)]) -> Outbox:
        outbox.send(QUEUE_URL, "by a dependency")
        return outbox

    @world.on("order.placed")
    async def place(
        _order: Placed, first: Outbox, second: Annotated[Outbox, Depends(sender)], message: Message
    ) -> None:
        assert first is second is message.outbox
        assert world.bodies_sent() == []
        first.send(QUEUE_URL, "by the consumer")

    assert world.receive_typed(typed("order.placed")) == []
    assert world.bodies_sent() == ["by a dependency", "by the consumer"]


def test_outbox_of_nothing_raises() -> None:
    with pytest.raises(RuntimeError, match="while a route or a consumer runs, got none in hand"):
        current_outbox()


def test_consumer_has_no_http_request(world: WebWorld) -> None:
    @world.on("order.placed")
    def place(_order: Placed, _request: Annotated[Any, Depends(current_request)]) -> None: ...

    assert world.receive_typed(typed("order.placed")) == ["m-1"]
    assert "a consumer must take a Message" in world.only_item().reason


def test_async_consumers_of_a_batch_run_at_the_same_time_in_one_loop(world: WebWorld) -> None:
    world.concurrency = 3
    loops: set[object] = set()
    waiting = asyncio.Barrier(3)

    @world.on("order.placed")
    async def place(order: Placed, message: Message, outbox: Annotated[Outbox, Depends(current_outbox)]) -> None:
        loops.add(asyncio.get_running_loop())
        async with asyncio.timeout(10):
            await waiting.wait()
        assert outbox is message.outbox
        message.put("orders", {"order_id": order.order_id})

    records = [typed("order.placed", f"o-{number}", f"m-{number}") for number in range(3)]
    assert world.receive_typed(*records) == []
    assert sorted(map(str, world.effects())) == ["o-0", "o-1", "o-2"]
    assert len(loops) == 1


def no_model(message: Message) -> None: ...
def no_annotation(order) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def no_parameter() -> None: ...
def generator(order: Placed) -> Iterator[int]:
    yield 1


async def async_generator(order: Placed) -> AsyncIterator[int]:
    yield 1


def takes_request(order: Placed, request: Request) -> None: ...
def takes_query(order: Placed, limit: Annotated[int, Query()]) -> None: ...
def takes_query_with_default(order: Placed, limit: int = Query(10)) -> None: ...
def takes_something(order: Placed, limit: int) -> None: ...
def takes_any_number(order: Placed, **rest: object) -> None: ...
def caller() -> str: ...  # type: ignore[empty-body]
def takes_security(order: Placed, who: Annotated[str, Security(caller, scopes=["a"])]) -> None: ...
def takes_background(order: Placed, tasks: BackgroundTasks) -> None: ...
def deep(request: Request) -> str: ...  # type: ignore[empty-body]
def takes_request_below(order: Placed, value: Annotated[str, Depends(deep)]) -> None: ...
def circular(value: "Annotated[str, Depends(circular)]") -> str: ...  # type: ignore[empty-body]
def takes_circle(order: Placed, value: Annotated[str, Depends(circular)]) -> None: ...


@pytest.mark.parametrize(
    ("consumer", "reason"),
    [
        (no_model, "the first parameter of no_model must be a message of an annotated class"),
        (no_annotation, "the first parameter of no_annotation must be a message of an annotated class"),
        (no_parameter, "the first parameter of no_parameter must be"),
        (generator, "generator must be a plain function or an async def"),
        (async_generator, "async_generator must be a plain function or an async def"),
        (takes_request, "request of takes_request must be a Message, an Outbox or a Depends"),
        (takes_query, "limit of takes_query must be"),
        (takes_query_with_default, "limit of takes_query_with_default must be"),
        (takes_something, "limit of takes_something must be"),
        (takes_any_number, "takes_any_number must take arguments by name"),
        (takes_security, "who of takes_security must be no Security"),
        (takes_background, "tasks of takes_background: a background task must not be used in Lambda"),
        (takes_request_below, "request of deep must be"),
        (takes_circle, "circular must not depend on itself"),
    ],
)
def test_consumer_that_cannot_be_called_with_a_message_is_refused_at_import(
    consumer: Callable[..., Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        Plan(consumer)


@pytest.mark.parametrize(("message_type", "got"), [("", "an empty type"), ("a", "a second one for 'a'")])
def test_type_has_one_consumer(world: WebWorld, message_type: str, got: str) -> None:
    world.on("a")(lambda_free)

    with pytest.raises(ValueError, match=f"must have a name and one consumer, got {got}"):
        world.on(message_type)(lambda_free)


def lambda_free(order: Placed) -> None: ...


def test_key_that_is_no_field_is_refused_at_import(world: WebWorld) -> None:
    with pytest.raises(TypeError, match="key must be a str or int field of Placed"):
        world.on("a", key="number")(lambda_free)


def test_reason_of_a_background_task_is_that_lambda_freezes() -> None:
    assert "freezes the sandbox" in str(BackgroundTaskError())
