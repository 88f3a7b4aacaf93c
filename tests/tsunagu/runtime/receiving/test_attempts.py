"""Attempts: the item counts kills and failures and nothing else; suspects run last and alone."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, FakeContext, Process, World, order, parse_order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import PermanentError, RetryableError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import Killed

ANYTHING = st.none() | st.text() | st.floats() | st.integers() | st.binary() | st.booleans()


@pytest.fixture
def world() -> World:
    return World()


def raising(error: BaseException) -> Process:
    def process(_body: JsonObject, _message: Message) -> None:
        raise error

    return process


def test_failed_attempt_is_counted_and_delivered_again_after_a_back_off(world: World) -> None:
    returned = world.receive(record(order("o-1")), process=raising(ValueError("no")))

    assert (returned, world.only_item().attempts, world.only_item().reason) == (["m-1"], 1, "ValueError: no")
    assert world.visibility.changed["handle-m-1"] <= 4


def test_retryable_error_sets_the_delay_of_the_next_delivery(world: World) -> None:
    world.receive(record(order("o-1")), process=raising(RetryableError("later", after_seconds=77)))

    assert (world.visibility.changed, world.only_item().attempts) == ({"handle-m-1": 77}, 1)


def test_spent_attempts_are_dead_lettered_with_the_last_error(world: World) -> None:
    batches = [world.receive(record(order("o-1")), process=raising(ValueError("no"))) for _ in range(MAX_ATTEMPTS)]

    assert (batches[-1], world.statuses()) == ([], [Status.DEAD])
    assert world.only_item().reason == f"{MAX_ATTEMPTS} attempts failed, the last with ValueError: no"


def test_permanent_error_is_dead_lettered_at_once(world: World) -> None:
    assert world.receive(record(order("o-1")), process=raising(PermanentError("never"))) == []
    assert world.topic.published[0]["dead_letters"][0]["reason"] == "never"


def test_unavailable_dependency_is_not_an_attempt_and_keeps_the_visibility(world: World) -> None:
    for _ in range(MAX_ATTEMPTS + 1):
        assert world.receive(record(order("o-1")), process=raising(UnavailableError("gone"))) == ["m-1"]

    assert (world.only_item().attempts, world.visibility.changed) == (0, {})


def test_deferred_message_keeps_the_reason_and_its_log_line_is_no_failed_attempt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.receive(record(order("o-1")), process=raising(UnavailableError("the price service answers 503")))

    assert world.only_item().reason == "the price service answers 503"
    messages = [line.message for line in caplog.records]
    assert "message deferred" in messages
    assert "attempt failed" not in messages
    assert "AttemptsFailed" not in world.counted()


@pytest.mark.parametrize("seconds", [0, 77, 42_000])
def test_unavailable_error_sets_the_delay_of_the_next_delivery_without_an_attempt(world: World, seconds: int) -> None:
    world.receive(record(order("o-1")), process=raising(UnavailableError("gone", after_seconds=seconds)))

    assert (world.visibility.changed, world.only_item().attempts) == ({"handle-m-1": seconds}, 0)


class OtherUnavailableError(UnavailableError):
    """Has other attributes than its base says."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


@given(st.fixed_dictionaries({}, optional={"after_seconds": ANYTHING, "call": ANYTHING}))
def test_deferred_message_comes_back_whatever_the_attributes_of_its_error_are(attributes: dict[str, object]) -> None:
    world = World()

    assert world.receive(record(order("o-1")), process=raising(OtherUnavailableError(**attributes))) == ["m-1"]
    assert (world.statuses(), world.only_item().attempts) == ([Status.RELEASED], 0)


def test_first_deliveries_keep_the_visibility_and_later_ones_are_further_apart(world: World) -> None:
    for count in range(98, 104):
        delivery = record(order("o-1"))
        delivery["attributes"]["ApproximateReceiveCount"] = str(count)
        world.receive(delivery, process=raising(UnavailableError("gone")))
        assert world.visibility.changed == ({"handle-m-1": 900} if count > 100 else {})


def test_message_that_was_only_not_started_is_not_delayed_however_often_it_was_delivered(world: World) -> None:
    def slow(_body: JsonObject, _message: Message) -> None:
        world.clock.ms += 9_000

    late = record(order("o-2"), "m-2")
    late["attributes"]["ApproximateReceiveCount"] = "900"

    assert world.receive(record(order("o-1")), late, process=slow) == ["m-2"]
    assert world.visibility.changed == {}


def test_killer_is_dead_lettered_without_running_again_and_its_first_kill_is_free(world: World) -> None:
    runs = 0

    def kill(_body: JsonObject, _message: Message) -> None:
        nonlocal runs
        runs += 1
        raise Killed

    for _ in range(MAX_ATTEMPTS + 1):
        world.receive_and_die(record(order("o-1")), process=kill)
        world.pass_lease()
    returned = world.receive(record(order("o-1")), process=kill)

    assert (returned, runs) == ([], MAX_ATTEMPTS + 1)
    assert world.only_item().reason == f"killed in attempt {MAX_ATTEMPTS}"


@pytest.mark.parametrize("group", [None, "g"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_neighbours_of_a_killer_take_effect_once_and_are_not_dead_lettered(
    world: World, group: str | None, position: int
) -> None:
    keys = ["good-1", "good-2"]
    keys.insert(position, "killer")
    waiting = [record(order(key), f"m-{key}", group=group) for key in keys]

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "killer":
            raise Killed
        world.work(body, message)

    for _ in range(4 * MAX_ATTEMPTS):
        try:
            returned = world.receive(*waiting, process=process)
            waiting = [each for each in waiting if each["messageId"] in returned]
        except Killed:
            pass
        world.pass_lease()
        if not waiting:
            break

    assert sorted(map(str, world.effects())) == ["good-1", "good-2"]
    assert [letter.body for letter in world.dead_letter_queue.sent] == ['{"order_id": "killer"}']
    assert waiting == []


@pytest.mark.parametrize("is_grouped", [False, True])
@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("killers", [1, 2])
def test_neighbours_of_a_killer_wait_two_deliveries_at_most(
    world: World, is_grouped: bool, position: int, killers: int
) -> None:
    keys = ["good-1", "good-2"]
    keys[position:position] = [f"killer-{number}" for number in range(killers)]
    waiting = [record(order(key), f"m-{key}", group=key if is_grouped else None) for key in keys]

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"].startswith("killer"):
            raise Killed
        world.work(body, message)

    for _ in range(2 * killers):
        world.receive_and_die(*waiting, process=process)
        world.pass_lease()
    with contextlib.suppress(Killed):
        world.receive(*waiting, process=process)

    assert sorted(map(str, world.effects())) == ["good-1", "good-2"]


def test_new_message_behind_a_duplicate_does_not_wait_for_the_suspect_of_another_group(world: World) -> None:
    world.receive(record(order("done"), "m-done", group="a"))
    for key, group in (("a-suspect", "a"), ("b-suspect", "b")):
        world.receive(record(order(key), f"m-{key}", group=group), process=raising(ValueError("no")))
    world.runs.clear()
    keys = [("a-suspect", "a"), ("done", "a"), ("new", "a"), ("b-suspect", "b")]

    assert world.receive(*(record(order(key), f"m-{key}", group=group) for key, group in keys)) == []
    assert world.runs == ["a-suspect", "new", "b-suspect"]


def test_everything_earlier_is_settled_before_a_suspect_starts(world: World) -> None:
    def kill(_body: JsonObject, _message: Message) -> None:
        raise Killed

    world.receive_and_die(record(order("suspect"), "m-s"), process=kill)
    world.pass_lease()
    seen: list[object] = []

    def look(body: JsonObject, _message: Message) -> None:
        if body["order_id"] == "suspect":
            seen.extend(item.status for item in world.store.items.values())

    world.receive(record(order("suspect"), "m-s"), record(order("o-1"), "m-1"), process=look)

    assert seen == [Status.INPROGRESS, Status.COMPLETED]


def test_suspect_whose_start_cannot_be_recorded_does_not_run(world: World) -> None:
    world.receive(record(order("o-1")), process=raising(ValueError("no")))
    world.store.plan("update", "", "unavailable")

    assert (world.receive(record(order("o-1"))), world.runs) == (["m-1"], [])


def test_outage_does_not_change_the_attempts_of_a_suspect(world: World) -> None:
    world.receive(record(order("o-1")), process=raising(ValueError("no")))

    world.receive(record(order("o-1")), process=raising(UnavailableError("gone")))

    assert world.only_item().attempts == 1


def test_messages_that_do_not_fit_before_the_deadline_are_released_without_an_attempt(world: World) -> None:
    def slow(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        world.clock.ms += 4_000

    batch = [record(order(f"o-{n}"), f"m-{n}") for n in range(4)]

    returned = world.receive(*batch, process=slow)

    assert (returned, world.effects()) == (["m-2", "m-3"], ["o-0", "o-1"])
    untouched = [item for item in world.store.items.values() if item.status is Status.RELEASED]
    assert [(item.attempts, item.lease) for item in untouched] == [(0, 0), (0, 0)]


def test_measured_time_replaces_the_guess(world: World) -> None:
    receiver = world.receiver()
    event = {"Records": [record(order(f"o-{n}"), f"m-{n}") for n in range(20)]}

    class Context:
        def __init__(self, remaining_ms: int) -> None:
            self.remaining_ms = remaining_ms

        def get_remaining_time_in_millis(self) -> int:
            return self.remaining_ms

    receiver.receive(event, Context(10_000))
    response = receiver.receive({"Records": [record(order("late"), "m-late")]}, Context(1_500))

    assert response == {"batchItemFailures": []}  # a quarter of 10 s would not have fitted


def test_one_slow_record_does_not_keep_later_invocations_from_trying(world: World) -> None:
    receiver = world.receiver(lambda body, _message: setattr(world.clock, "ms", world.clock.ms + body["takes_ms"]))
    for number in range(20):
        receiver.receive({"Records": [record(order(f"o-{number}", takes_ms=9_200), f"m-{number}")]}, FakeContext())

    response = receiver.receive({"Records": [record(order("late", takes_ms=1), "m-late")]}, FakeContext())

    assert response == {"batchItemFailures": []}


def test_only_the_first_message_of_an_invocation_may_run_in_the_guessed_time(world: World) -> None:
    receiver = world.receiver(lambda body, _message: setattr(world.clock, "ms", world.clock.ms + body["takes_ms"]))
    for number in range(20):
        receiver.receive({"Records": [record(order(f"o-{number}", takes_ms=9_200), f"m-{number}")]}, FakeContext())

    batch = [record(order(f"late-{number}", takes_ms=1), f"m-late-{number}") for number in range(3)]
    response = receiver.receive({"Records": batch}, FakeContext())

    assert [each["itemIdentifier"] for each in response["batchItemFailures"]] == ["m-late-1", "m-late-2"]


def test_start_that_was_written_without_an_answer_costs_no_attempt(world: World) -> None:
    world.receive(record(order("o-1")), process=raising(ValueError("no")))
    for _ in range(MAX_ATTEMPTS):
        world.store.plan("update", "", "unanswered")  # the take-over, then the start
        assert world.receive(record(order("o-1"))) == ["m-1"]

    assert (world.receive(record(order("o-1"))), world.effects()) == ([], ["o-1"])


@pytest.mark.parametrize("error", [KeyError("amount"), TypeError("no")])
def test_error_of_the_parser_costs_only_its_own_message_an_attempt(world: World, error: Exception) -> None:
    def parse(body: JsonObject) -> JsonObject:
        if body["order_id"] == "odd":
            raise error
        return body

    world.parse = parse
    batch = [record(order("odd"), "m-odd"), record(order("o-1"), "m-1")]

    assert world.receive(*batch) == ["m-odd"]
    for _ in range(MAX_ATTEMPTS - 1):
        world.receive(batch[0])
    assert world.effects() == ["o-1"]
    assert type(error).__name__ in str(world.dead_letter_queue.sent[0].attributes["tsunagu_dead_letter_reason"])


def test_parser_that_changes_the_body_does_not_change_the_payload_hash(world: World) -> None:
    def parse(body: JsonObject) -> JsonObject:
        body["seen"] = True
        return {"order_id": body["order_id"]}

    world.parse = parse
    world.receive(record(order("o-1"), "m-1"))
    world.parse = parse_order

    assert world.receive(record(order("o-1"), "m-2")) == []
    assert world.counted()["DuplicatesSkipped"] == 1


@pytest.mark.parametrize("error", [RetryableError, UnavailableError])
@pytest.mark.parametrize("seconds", [-1, 42_301, float("inf"), float("nan")])
def test_delay_out_of_range_is_refused_at_once(seconds: float, error: type[RetryableError | UnavailableError]) -> None:
    with pytest.raises(ValueError, match="after_seconds must be between 0 and 42,000, got"):
        error("later", after_seconds=seconds)
