"""`assert_once` finds what a handler does twice, never, or under a wrong key, and shows how it comes about."""

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from tsunagu import Message, PermanentError, Work, message_handler, pipeline_service
from tsunagu.testing import HandlerWorld, NotOnceError

NEXT = "https://sqs.eu-central-1.amazonaws.com/111122223333/next"
TABLES = {"orders": "order_id"}


@dataclass
class Order:
    order_id: str
    customer: str = "c-1"
    sent_at: int = 0


ONE, TWO = Order("o-1"), Order("o-2")


def report_of(world: HandlerWorld, *payloads: object, **options: Any) -> str:
    """Return what `assert_once` says of a handler that it must refuse, and check that the schedule can be run alone."""
    with pytest.raises(NotOnceError) as refused:
        world.assert_once(*payloads, **options)
    with pytest.raises(NotOnceError) as again:
        world.assert_once(*payloads, **options, schedule=refused.value.schedule)
    assert str(again.value) == str(refused.value)
    return str(refused.value)


def steps(report: str) -> list[str]:
    """Return the sentences of the schedule, without their numbers and times."""
    story = report.split("This is how it came about:\n", 1)[1].split("\n\n", 1)[0]
    return [line.split(" s  ", 1)[1] for line in story.splitlines()]


def test_a_handler_that_writes_and_sends_by_its_message_passes_every_schedule() -> None:
    @message_handler("orders", key="order_id")
    def store(order: Order, message: Message) -> None:
        message.put("orders", {"order_id": order.order_id, "stored": str(uuid.uuid4())})
        message.outbox.send(NEXT, order.order_id)

    explored = HandlerWorld(store, tables=TABLES).assert_once(ONE, lost=0)

    assert explored.is_complete
    assert explored.schedules > 200


def test_a_double_effect_is_shown_with_the_crash_that_causes_it() -> None:
    @message_handler("orders", key="order_id")
    def charge(order: Order, message: Message) -> None:
        world.effect("charged", order.order_id)

    world = HandlerWorld(charge)
    report = report_of(world, ONE)

    assert report.startswith("charged o-1 must happen once, got it twice")
    (killed,) = [number for number, step in enumerate(steps(report)) if "IS KILLED" in step]
    charges = [number for number, step in enumerate(steps(report)) if step.endswith("calls charged for o-1")]
    assert charges[0] < killed < charges[1]
    assert "Give the other system an idempotency key" in report


def test_a_double_effect_in_a_list_of_the_test_is_found_and_the_list_is_given_back() -> None:
    charged: list[str] = ["before"]

    @message_handler("orders", key="order_id")
    def charge(order: Order, message: Message) -> None:
        charged.append(order.order_id)

    world = HandlerWorld(charge)
    world.watch("charged", charged)

    assert report_of(world, ONE).startswith("charged o-1 must happen once, got it twice")
    assert charged == ["before"]


def test_an_effect_with_an_idempotency_key_is_no_double_effect() -> None:
    @message_handler("orders", key="order_id")
    def charge(order: Order, message: Message) -> None:
        world.effect("charged", order.order_id, idempotency_key=order.order_id)

    world = HandlerWorld(charge)

    assert world.assert_once(ONE, TWO, switches=0).is_complete


def test_a_lost_message_is_shown_with_the_failed_call_that_the_handler_swallowed() -> None:
    @message_handler("orders", key="order_id")
    def charge(order: Order, message: Message) -> None:
        try:
            world.effect("charged", order.order_id, idempotency_key=order.order_id)
        except ConnectionError:
            return

    world = HandlerWorld(charge)
    report = report_of(world, ONE)

    assert report.startswith("charged o-1 must happen once, got it never")
    assert "worker 1 calls charged for o-1: THE CALL FAILS, and nothing is applied" in steps(report)
    assert steps(report)[-1].endswith("SQS deletes them")
    assert "Let the error out" in report


def test_a_key_that_two_requests_share_is_named() -> None:
    @message_handler("orders", key="customer")
    def store(order: Order, message: Message) -> None:
        message.put("orders", {"order_id": order.order_id})

    report = report_of(HandlerWorld(store, tables=TABLES), ONE, TWO)

    assert "put to table orders {'order_id': 'o-2'} must happen once, got it never" in report
    assert "m-2 must be processed, got a dead letter: the key is taken by another payload" in report
    assert "m-1 and m-2 ask for different work and have the same key" in report


def test_a_key_that_is_missing_is_named() -> None:
    @message_handler("orders", key=lambda _order: str(uuid.uuid4()))
    def store(order: Order, message: Message) -> None:
        message.put("orders", {"order_id": order.order_id})

    report = report_of(HandlerWorld(store, tables=TABLES), ONE)

    assert report.startswith("put to table orders {'order_id': 'o-1'} must happen once, got it twice")
    assert "the key of m-1 is another one each time" in report


def test_a_key_that_changes_when_the_producer_sends_again_is_named() -> None:
    @message_handler("orders", key=lambda order: f"{order.order_id}/{order.sent_at}")
    def store(order: Order, message: Message) -> None:
        message.put("orders", {"order_id": order.order_id})

    report = report_of(HandlerWorld(store, tables=TABLES), ONE, copies=[Order("o-1", sent_at=1)])

    assert "m-2 asks for the same work as m-1, and has another key" in report


def test_a_message_that_is_refused_for_good_must_be_dead_lettered_in_every_schedule() -> None:
    @message_handler("orders", key="order_id")
    def refuse(order: Order, message: Message) -> None:
        msg = "no such customer"
        raise PermanentError(msg)

    assert HandlerWorld(refuse).assert_once(ONE, switches=0).is_complete


def test_a_service_of_a_pipeline_passes() -> None:
    @pipeline_service
    def ship(order: Order, work: Work) -> str:
        work.put("orders", {"order_id": order.order_id})
        return order.order_id

    assert HandlerWorld(ship, tables=TABLES).assert_once(ONE, switches=0).is_complete


def test_a_search_that_is_cut_short_says_so() -> None:
    @message_handler("orders", key="order_id")
    def store(order: Order, message: Message) -> None: ...

    explored = HandlerWorld(store).assert_once(ONE, limit=5)

    assert not explored.is_complete


def test_wrong_uses_are_refused() -> None:
    @message_handler("orders", key="order_id")
    def store(order: Order, message: Message) -> None: ...

    world = HandlerWorld(store)

    with pytest.raises(ValueError, match="payloads must be one or more messages, got none"):
        world.assert_once()
    with pytest.raises(ValueError, match=r"schedule must be what a report names, such as '1/0\.0\.2', got '9'"):
        world.assert_once(ONE, schedule="9")
