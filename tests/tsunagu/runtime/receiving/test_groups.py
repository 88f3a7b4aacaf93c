"""FIFO groups: SQS may delete only the head of a group; the rest is delivered again at the same time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.runtime.errors import PermanentError, RetryableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message


@pytest.fixture
def world() -> World:
    return World()


def test_first_failure_stops_its_group_and_no_other(world: World) -> None:
    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "a-1":
            raise RetryableError(body["order_id"], after_seconds=9)
        world.work(body, message)

    batch = [record(order(key), key, group=key[0]) for key in ("a-0", "a-1", "a-2", "b-0", "b-1")]

    returned = world.receive(*batch, process=process)

    assert (returned, world.effects()) == (["a-1", "a-2"], ["a-0", "b-0", "b-1"])


@pytest.mark.parametrize("concurrency", [1, 10])
def test_failure_of_one_message_does_not_stop_its_tenant_on_a_fair_queue(world: World, concurrency: int) -> None:
    world.concurrency = concurrency

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "a-1":
            raise RetryableError(body["order_id"], after_seconds=9)
        world.work(body, message)

    batch = [record(order(key), key, tenant="a") for key in ("a-0", "a-1", "a-2")]

    returned = world.receive(*batch, process=process)

    assert (returned, sorted(world.runs), world.visibility.changed) == (["a-1"], ["a-0", "a-2"], {"handle-a-1": 9})


def test_head_and_tail_of_a_stopped_group_get_the_same_visibility(world: World) -> None:
    def process(_body: JsonObject, _message: Message) -> None:
        raise RetryableError("later", after_seconds=9)

    world.receive(*[record(order(key), key, group="a") for key in ("a-0", "a-1", "a-2")], process=process)

    assert world.visibility.changed == {"handle-a-0": 9, "handle-a-1": 9, "handle-a-2": 9}


def test_tail_of_a_stopped_group_is_released_without_an_attempt(world: World) -> None:
    def process(_body: JsonObject, _message: Message) -> None:
        raise ValueError

    world.receive(*[record(order(key), key, group="a") for key in ("a-0", "a-1")], process=process)

    assert [item.attempts for item in world.store.items.values()] == [1, 0]


def test_next_message_of_a_group_starts_only_when_the_one_before_is_confirmed(world: World) -> None:
    world.store.plan("update", "unavailable")  # the completion of a-0

    returned = world.receive(
        *[record(order(key), key, group="a") for key in ("a-0", "a-1")],
        process=lambda body, _message: world.runs.append(body["order_id"]),
    )

    assert (returned, world.runs) == (["a-0", "a-1"], ["a-0"])


def test_group_continues_after_a_dead_letter(world: World) -> None:
    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "a-0":
            raise PermanentError("never")
        world.work(body, message)

    returned = world.receive(*[record(order(key), key, group="a") for key in ("a-0", "a-1")], process=process)

    assert (returned, world.effects()) == ([], ["a-1"])


def test_group_stops_at_a_dead_letter_that_was_not_sent(world: World) -> None:
    world.dead_letter_queue.broken = True

    returned = world.receive(record("not json", "a-0", group="a"), record(order("a-1"), "a-1", group="a"))

    assert (returned, world.effects()) == (["a-0", "a-1"], [])


@given(
    plan=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["ok", "fails", "dies", "invalid", "again"])), max_size=10
    )
)
def test_only_the_head_of_a_group_is_done_and_failures_are_messages_of_the_batch(plan: list[tuple[str, str]]) -> None:
    world = World()
    records = []
    for number, (group, fate) in enumerate(plan):
        key = f"{group}-{0 if fate == 'again' else number}"
        body = "not json" if fate == "invalid" else order(key, fate="ok" if fate == "again" else fate)
        records.append(record(body, f"m-{number}", group=group))

    def process(body: JsonObject, message: Message) -> None:
        if body["fate"] == "fails":
            raise ValueError
        if body["fate"] == "dies":
            raise PermanentError("never")
        world.work(body, message)

    returned = world.receive(*records, process=process) if records else []

    assert set(returned) <= {each["messageId"] for each in records}
    assert len(set(returned)) == len(returned)
    for group in "abc":
        ids = [each["messageId"] for each in records if each["attributes"]["MessageGroupId"] == group]
        done = [message_id not in returned for message_id in ids]
        assert done == sorted(done, reverse=True)
