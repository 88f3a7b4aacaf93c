"""Parked groups: what comes after a dead message of a FIFO group waits in the dead-letter queue, in order."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from tests.tsunagu.runtime.world import QUEUE_ARN, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.contracts.messages import GROUP_PLACE_ATTRIBUTE, place_in, redrive_deduplication_id
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.idempotency.parked_groups import ParkedGroup
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.publish import OutgoingMessage

NUMBERS = count(1)  # each redrive gives a message another id


class ParkingWorld(World):
    """A receiver that parks groups. Orders in `broken` die."""

    def __init__(self) -> None:
        super().__init__()
        self.parks_groups = True
        self.broken = {"a-1"}

    def work(self, body: JsonObject, message: Message) -> None:
        self.runs.append(body["order_id"])
        if body["order_id"] in self.broken:
            msg = "the account is closed"
            raise PermanentError(msg)
        message.put("effects", {"order_id": body["order_id"]})

    @property
    def group(self) -> ParkedGroup:
        return self.store.groups.group(QUEUE_ARN, "a")

    @property
    def letters(self) -> list[str]:
        """Keys of the dead letters, in order."""
        return [body.split('"')[3] for body in (letter.body for letter in self.dead_letter_queue.sent)]

    @property
    def places(self) -> list[int | None]:
        """Numbers of the dead letters in their group."""
        return [self.group.number_of(place_in(str(each.deduplication_id))) for each in self.dead_letter_queue.sent]

    def take_letters(self) -> list[OutgoingMessage]:
        taken = [*self.dead_letter_queue.sent]
        self.dead_letter_queue.sent.clear()
        return taken


def records(*keys: str) -> list[dict[str, Any]]:
    return [record(order(key), key, group="a") for key in keys]


def redriven(letters: Sequence[OutgoingMessage]) -> list[dict[str, Any]]:
    """Return the records of dead letters that were put back into their queue."""
    put_back = []
    for letter in letters:
        place = place_in(str(letter.deduplication_id))
        back = record(letter.body, f"back-{next(NUMBERS)}", group=letter.group_id)
        back["attributes"]["MessageDeduplicationId"] = redrive_deduplication_id("letter", place)
        put_back.append(back)
    return put_back


@pytest.fixture
def world() -> ParkingWorld:
    return ParkingWorld()


def test_messages_behind_a_dead_one_are_parked_in_order_and_not_processed(world: ParkingWorld) -> None:
    returned = world.receive(*records("a-0", "a-1", "a-2", "a-3"))

    assert (returned, world.runs, world.effects()) == ([], ["a-0", "a-1"], ["a-0"])
    assert (world.letters, world.places) == (["a-1", "a-2", "a-3"], [1, 2, 3])
    assert (world.group.head, world.group.tail, world.group.died) == (1, 4, 1)


def test_group_is_parked_for_later_batches_and_other_groups_are_not(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))

    world.receive(*records("a-2"), record(order("b-1"), "b-1", group="b"))

    assert (world.letters, world.effects()) == (["a-1", "a-2"], ["b-1"])


def test_redriven_group_runs_in_order_and_is_open_then(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))
    world.broken.clear()

    returned = world.receive(*redriven(world.take_letters()), *records("a-4"))

    assert (returned, world.effects()) == ([], ["a-1", "a-2", "a-3", "a-4"])
    assert (world.letters, world.group.is_parked) == ([], False)


def test_what_is_parked_says_behind_what_and_costs_no_attempt(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))

    dead, parked = world.store.items.values()
    assert (dead.status, dead.behind, dead.place) == (Status.DEAD, "", world.group.entry_id(1))
    assert (parked.status, parked.attempts, parked.place) == (Status.DEAD, 0, world.group.entry_id(2))
    assert parked.behind == dead.place
    assert parked.reason == f"parked behind message a-1 of the item {dead.id}"
    first, second = world.store.groups.entries(world.group)
    assert (first.reason, first.behind, first.message_id) == ("the account is closed", "", "a-1")
    assert (second.reason, second.behind, second.item_id) == (parked.reason, dead.place, parked.id)


def test_head_is_notified_with_its_group_and_those_behind_it_are_counted(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))

    (notification,) = world.topic.published
    (letter,) = notification["dead_letters"]
    assert (letter["message_id"], letter["parks_group"]) == ("a-1", "a")
    assert (world.counted()["MessagesDeadLettered"], world.counted()["MessagesParked"]) == (1, 2)


def test_log_line_of_a_parked_message_has_its_group_and_what_it_waits_for(
    world: ParkingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.receive(*records("a-1", "a-2"))

    (line,) = [each for each in caplog.records if each.message == "message parked"]
    assert (vars(line)["group_id"], vars(line)["head"]) == ("a", world.group.entry_id(1))


def test_letter_says_its_place_even_where_it_has_no_room_for_an_attribute(world: ParkingWorld) -> None:
    full = {f"attribute-{number}": "x" for number in range(10)}
    world.receive(record(order("a-1"), "a-1", group="a", attributes=full), *records("a-2"))

    full_letter, letter = world.dead_letter_queue.sent
    assert (GROUP_PLACE_ATTRIBUTE in full_letter.attributes, world.places) == (False, [1, 2])
    assert letter.attributes[GROUP_PLACE_ATTRIBUTE] == world.group.label(2)


def test_message_that_is_put_back_is_known_by_its_attribute_alone(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))
    world.broken.clear()
    attributes = {GROUP_PLACE_ATTRIBUTE: world.group.label(1)}

    world.receive(record(order("a-1"), "back", group="a", attributes=attributes))

    assert (world.effects(), world.group.is_parked) == (["a-1"], False)


@pytest.mark.parametrize("operation", ["transact", "update"])
def test_worker_killed_at_any_write_parks_the_group_once(world: ParkingWorld, operation: str) -> None:
    world.store.plan(operation, "killed_after")
    world.receive_and_die(*records("a-1", "a-2"))
    world.pass_lease()

    returned = world.receive(*records("a-1", "a-2"))

    assert (returned, world.effects(), world.group.tail) == ([], [], 3)
    assert set(world.places) == {1, 2}


def test_messages_of_a_group_that_cannot_be_read_come_back_without_an_attempt(world: ParkingWorld) -> None:
    world.store.plan("read groups", "denied")

    returned = world.receive(*records("a-1", "a-2"))

    assert (returned, world.runs) == (["a-1", "a-2"], [])
    assert {(item.status, item.attempts) for item in world.store.items.values()} == {(Status.RELEASED, 0)}
    assert world.counted()["ConfigurationFaults"] == 2


@pytest.mark.parametrize("fault", ["unavailable", "conflict"])
def test_message_whose_group_cannot_be_written_comes_back_without_an_attempt(world: ParkingWorld, fault: str) -> None:
    world.store.plan("transact", *[fault] * 4)

    returned = world.receive(*records("a-1", "a-2"))

    assert (returned, world.letters, world.group.is_parked) == (["a-1", "a-2"], [], False)
    assert {(item.status, item.attempts) for item in world.store.items.values()} == {(Status.RELEASED, 0)}


def test_message_whose_group_has_changed_meanwhile_comes_back_without_an_attempt(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))
    world.broken.clear()
    letters = world.take_letters()

    def process(_body: JsonObject, _message: Message) -> None:
        world.store.groups.records[world.group.id]["head"] = 2  # an operator discards it at this moment
        msg = "it died all the same"
        raise PermanentError(msg)

    returned = world.receive(*redriven(letters), process=process)

    assert (len(returned), world.letters, world.group.head) == (1, [], 2)
    assert world.only_item().status is Status.RELEASED
    assert world.receive(*redriven(letters)) == []
    assert world.runs == ["a-1"]


def test_arrivals_wait_behind_a_group_that_is_being_redriven(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))
    world.broken.clear()
    first, second = redriven(world.take_letters())

    world.receive(first)
    world.receive(*records("a-3"), second)

    assert (world.effects(), world.letters, world.places) == (["a-1", "a-2"], ["a-3"], [3])
    arrival = [*world.store.items.values()][-1]
    assert arrival.reason == "parked behind number 2 of its group, which is being redriven"
    world.receive(*redriven(world.take_letters()))
    assert (world.effects(), world.group.is_parked) == (["a-1", "a-2", "a-3"], False)


def test_head_that_dies_again_stays_the_head_and_the_others_keep_their_places(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))
    died_ms = world.group.died_ms
    world.clock.ms += 1_000

    world.receive(*redriven(world.take_letters()))

    assert (world.effects(), world.letters, world.places) == ([], ["a-1", "a-2", "a-3"], [1, 2, 3])
    assert (world.group.is_dead, world.group.died_ms - died_ms) == (True, 1_000)


def test_next_message_that_dies_is_the_head_then(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))
    world.broken = {"a-2"}

    world.receive(*redriven(world.take_letters()))

    assert (world.effects(), world.places, world.group.head) == (["a-1"], [2, 3], 2)
    assert world.group.died_message_id.startswith("back-")


def test_letters_that_are_put_back_in_another_order_take_effect_in_order(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))
    world.broken.clear()

    world.receive(*reversed(redriven(world.take_letters())))
    while world.group.is_parked:
        world.receive(*redriven(world.take_letters()))

    assert world.effects() == ["a-1", "a-2", "a-3"]


@pytest.mark.parametrize(
    ("numbers", "head", "effects"),
    [([1], 2, ["a-2", "a-3"]), ([2], 1, ["a-1", "a-3"]), ([3], 1, ["a-1", "a-2"]), ([1, 2], 3, ["a-3"])],
)
def test_messages_that_an_operator_gave_up_are_acknowledged_and_the_group_passes_them(
    world: ParkingWorld, numbers: list[int], head: int, effects: list[str]
) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))
    world.broken.clear()
    letters = redriven(world.take_letters())
    change = world.group.given_up(numbers, world.clock.ms)
    assert change is not None
    world.store.groups.change(change)
    assert world.group.head == head
    assert world.group.given_up(numbers, world.clock.ms) is None

    returned = world.receive(*letters)

    assert (returned, world.effects(), world.letters, world.group.is_parked) == ([], effects, [], False)


def test_place_of_another_line_is_none_so_that_nothing_is_taken_for_settled(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))
    letters = redriven(world.take_letters())
    world.store.groups.records.clear()  # somebody deletes the item
    world.clock.ms += 1
    world.broken.add("a-5")
    world.receive(*records("a-5"))

    world.receive(letters[1])

    assert (world.effects(), world.letters, world.places) == ([], ["a-5", "a-2"], [1, 2])


def test_worker_killed_before_the_group_goes_on_leaves_that_to_the_next(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))
    world.broken.clear()
    letters = redriven(world.take_letters())
    world.store.plan("update", "", "killed_before")  # the claims; then the group
    world.receive_and_die(*letters)
    assert (world.effects(), world.group.head) == (["a-1"], 1)
    world.pass_lease()

    returned = world.receive(*letters)

    assert (returned, world.effects(), world.group.is_parked) == ([], ["a-1", "a-2"], False)


def test_message_is_not_confirmed_when_its_group_did_not_go_on(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))
    world.broken.clear()
    letters = redriven(world.take_letters())
    world.store.plan("update", "", "unavailable")

    returned = world.receive(*letters)

    assert (len(returned), world.effects(), world.group.head) == (1, ["a-1"], 1)
    assert (world.receive(*letters), world.effects(), world.group.head) == ([], ["a-1"], 2)


def test_group_whose_item_has_expired_begins_anew(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))
    letters = redriven(world.take_letters())
    change = world.group.given_up([2], world.clock.ms)
    assert change is not None
    world.store.groups.change(change)
    world.clock.ms += 3_601_000

    world.receive(*records("a-3"))
    world.receive(letters[1])  # of the line that has expired: it is not taken for given up
    world.receive(*records("a-1", "a-4", "a-5"))

    assert (world.effects(), world.places) == (["a-3", "a-2"], [1, 2, 3])
    assert (world.group.head, world.group.tail, world.group.waiting) == (1, 4, [1, 2, 3])
    kept = world.store.groups.records[world.group.id]
    assert (kept["group_id"], kept["queue_arn"]) == ("a", QUEUE_ARN)


def test_message_whose_outbox_is_refused_parks_its_group_until_it_was_sent(world: ParkingWorld) -> None:
    def process(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        message.outbox.send("https://sqs/next", "never" if body["order_id"] == "a-0" else "told")

    world.receive(*records("a-0", "a-2"), process=process)

    assert (world.effects(), world.letters, world.places) == (["a-0"], ["a-0", "a-2"], [1, 2])
    assert world.topic.published[0]["dead_letters"][0]["parks_group"] == "a"


def test_copy_in_another_group_has_no_place_there(world: ParkingWorld) -> None:
    world.receive(record(order("a-1"), "m-1", group="a"), record(order("a-1"), "m-2", group="b"))

    in_a, in_b = world.dead_letter_queue.sent
    assert (in_a.attributes.get(GROUP_PLACE_ATTRIBUTE), in_b.attributes.get(GROUP_PLACE_ATTRIBUTE)) == (
        world.group.label(1),
        None,
    )


def test_standard_queue_parks_nothing(world: ParkingWorld) -> None:
    world.receive(*[record(order(key), key, tenant="a") for key in ("a-1", "a-2")])

    assert (world.letters, world.effects(), world.store.groups.records) == (["a-1"], ["a-2"], {})


def test_item_that_was_redriven_has_no_place_any_more(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))
    world.broken.clear()

    world.receive(*redriven(world.take_letters()))

    assert {(item.place, item.behind) for item in world.store.items.values()} == {("", "")}


def test_receiver_that_does_not_park_reads_no_group(world: ParkingWorld) -> None:
    world.parks_groups = False

    world.receive(*records("a-1", "a-2"))

    assert (world.effects(), "read groups" in world.store.calls) == (["a-2"], False)


def test_receiver_that_parks_makes_no_call_more_than_the_read_of_its_groups(world: ParkingWorld) -> None:
    world.receive(*records("a-0"), record(order("b-0"), "b-0", group="b"))

    assert world.store.calls == ["insert", "read groups", "transact"]


def test_second_message_of_a_place_comes_back_at_once_and_is_acknowledged_then(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))
    world.broken.clear()
    first, second = redriven(world.take_letters())
    corrected = record(order("a-1b"), "corrected", group="a", attributes={GROUP_PLACE_ATTRIBUTE: world.group.label(1)})

    returned = world.receive(first, corrected, second)

    assert (returned, world.effects()) == (["corrected", second["messageId"]], ["a-1"])
    assert set(world.visibility.changed.values()) == {0}
    assert (world.receive(corrected, second), world.effects()) == ([], ["a-1", "a-2"])


def test_message_whose_group_went_on_without_it_comes_back_at_once_and_is_acknowledged_then(
    world: ParkingWorld,
) -> None:
    world.receive(*records("a-1"))
    (letter,) = redriven(world.take_letters())

    def process(_body: JsonObject, _message: Message) -> None:
        world.store.groups.records[world.group.id]["head"] = 2  # an operator discards it at this moment

    returned = world.receive(letter, process=process)

    assert (returned, world.visibility.changed) == ([letter["messageId"]], {f"handle-{letter['messageId']}": 0})
    assert (world.receive(letter), world.runs, world.group.head) == ([], ["a-1"], 2)


def test_suspects_of_a_parked_group_are_parked_and_not_tried(world: ParkingWorld) -> None:
    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "a-2":
            raise ValueError
        world.work(body, message)

    assert world.receive(*records("a-2"), process=process) == ["a-2"]
    world.receive(record(order("a-1"), "m", group="a"))

    assert world.receive(*records("a-2"), process=process) == []

    parked = next(iter(world.store.items.values()))
    assert (parked.status, parked.attempts, world.letters) == (Status.DEAD, 1, ["a-1", "a-2"])


def test_corrected_message_under_the_key_of_the_dead_one_waits_like_any_other(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2"))

    world.receive(record(order("a-1", amount=2), "corrected", group="a"))

    assert (world.runs, world.letters, world.places) == (["a-1"], ["a-1", "a-2", "a-1"], [1, 2, 3])


def test_worker_killed_when_a_refused_outbox_has_parked_the_group_leaves_one_place(world: ParkingWorld) -> None:
    def process(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        message.outbox.send("https://sqs/next", "never")

    world.store.plan("transact", "", "killed_after")  # the effect; then the group
    world.receive_and_die(*records("a-0"), process=process)
    world.pass_lease()

    assert world.receive(*records("a-0"), process=process) == []

    assert (world.effects(), world.places, world.group.tail) == (["a-0"], [1], 2)


def test_message_with_a_place_comes_back_when_its_group_cannot_be_read(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))
    letters = redriven(world.take_letters())
    world.store.plan("read groups", "unavailable")

    assert (len(world.receive(*letters)), world.runs) == (1, ["a-1"])


def test_entry_has_the_request_of_its_message_and_the_group_its_queue(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))

    (entry,) = world.store.groups.entries(world.group)
    assert (entry.request, world.store.groups.records[world.group.id]["queue_arn"]) == ("a-1", QUEUE_ARN)


def test_each_copy_of_a_parked_message_is_counted(world: ParkingWorld, caplog: pytest.LogCaptureFixture) -> None:
    world.receive(*records("a-1"), record(order("a-1"), "copy", group="a"), *records("a-2"))
    world.receive(record(order("a-3"), "m-1", group="a"), record(order("a-3"), "m-2", group="a"))

    assert (world.counted()["MessagesDeadLettered"], world.counted()["MessagesParked"]) == (2, 3)
    (line,) = [each for each in caplog.records if each.message == "message dead-lettered"]
    assert vars(line)["record_count"] == 2


def test_place_on_a_standard_queue_says_nothing(world: ParkingWorld) -> None:
    stray = record(order("a-2"), "stray", attributes={GROUP_PLACE_ATTRIBUTE: "7.1"})

    assert (world.receive(stray), world.effects()) == ([], ["a-2"])


def phrases(caplog: pytest.LogCaptureFixture, operation: str = "PutItem") -> list[str]:
    """Return the phrases of the log lines that name a denied call."""
    return [each.message for each in caplog.records if operation in str(vars(each).get("operation"))]


def test_group_that_cannot_go_on_is_counted_and_logged_with_the_call(
    world: ParkingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.receive(*records("a-1"))
    world.broken.clear()
    world.store.plan("update", "", "denied")

    (returned,) = world.receive(*redriven(world.take_letters()))

    assert (world.counted()["CallsFailed"], world.counted()["ConfigurationFaults"]) == (1, 1)
    assert phrases(caplog) == ["group not settled"]
    assert f"handle-{returned}" not in world.visibility.changed  # it comes back as after any outage


def test_refused_outbox_whose_group_cannot_be_parked_is_sent_again_and_not_dead_lettered(
    world: ParkingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    def process(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        message.outbox.send("https://sqs/next", "never")

    world.store.plan("transact", "", "denied")

    returned = world.receive(*records("a-0", "a-2"), process=process)

    assert (returned, world.effects(), world.letters, world.group.is_parked) == (["a-0", "a-2"], ["a-0"], [], False)
    assert phrases(caplog) == ["group not parked"]
    assert world.counted()["ConfigurationFaults"] == 1


def test_group_that_cannot_be_read_is_logged_with_the_call(
    world: ParkingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.store.plan("read groups", "denied")

    world.receive(*records("a-1"))

    assert phrases(caplog) == ["group not read"]


def test_refused_outbox_says_its_reason_and_is_no_parked_message(world: ParkingWorld) -> None:
    def process(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        message.outbox.send("https://sqs/next", "never")

    world.receive(*records("a-1", "a-2"))
    world.broken.clear()
    world.receive(*redriven(world.take_letters()), process=process)

    first, second = world.store.groups.entries(world.group)
    assert first.reason.startswith("done, but its messages were refused")
    assert (first.behind, second.behind) == ("", first.id)
    assert world.store.items[first.item_id].behind == ""
    assert len(world.topic.published) == 2
