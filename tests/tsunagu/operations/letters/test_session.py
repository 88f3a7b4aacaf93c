"""An operator sees what became of each letter, and nothing more is sent when one dies again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.tsunagu.operations.letters.dead_queue import Letters, Operator
from tsunagu.contracts.items import NEVER, Status
from tsunagu.operations.letters.fates import Fate, Followers
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.session import RedrivePlan, RedriveSession, RedriveSummary
from tsunagu.operations.redrive import redriven_message
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult

BODIES = [f"body-{number}" for number in range(23)]


@dataclass
class Consumer:
    """Processes what is sent back at once, and keeps items. Bodies in `dies` die again."""

    letters: Letters
    dies: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    items: dict[str, Item] = field(default_factory=dict)
    milliseconds_per_call: int = 0

    def send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        self.letters.clock.ms += self.milliseconds_per_call
        return [SendResult(self.process(letter)) for letter in letters]

    def process(self, letter: DeadLetter) -> str:
        body = letter.delivery.body
        message_id = f"back-{body}"
        if body in self.dies:
            self.items[letter.item_id] = item(letter.item_id, Status.DEAD, message_id)
            message = redriven_message(letter)
            source = {"tsunagu_dead_letter_source": f"arn/{message_id}", "tsunagu_dead_letter_reason": "it is broken"}
            self.letters.dead.put(OutgoingMessage(body=body, attributes={**message.attributes, **source}))
        elif body not in self.stuck:
            self.items[letter.item_id] = item(letter.item_id, Status.COMPLETED)
        return message_id

    def read(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        return {each: self.items[each] for each in item_ids if each in self.items}


@dataclass
class Around:
    """A queue that is drained or not, and the letters beside it."""

    letters: Letters
    drained: bool | None = False

    def is_drained(self) -> bool | None:
        return self.drained

    def look_at_letters(self) -> tuple[Iterable[DeadLetter], bool]:
        source = self.letters.source(Operator())
        found = source.receive()
        source.give_back(found)
        return found, len(found) == len(self.letters.left)


def item(item_id: str, status: Status, *message_ids: str) -> Item:
    return Item(
        id=item_id, status=status, owner="w", fence=2, lease=NEVER, message_ids=message_ids, reason="it is broken"
    )


@dataclass
class Desk:
    """Letters with items, their consumer, and the followers of a redrive."""

    letters: Letters
    consumer: Consumer
    around: Around
    followers: Followers

    def redrive(self, plan: RedrivePlan) -> RedriveSummary:
        session = RedriveSession(
            self.letters.source(Operator()),
            self.consumer,
            self.letters.clock,
            followers=self.followers,
            surroundings=self.around,
            plan=plan,
        )
        return session.run(lambda _letter: True)

    def fates(self) -> dict[str, int]:
        return {fate.name: count for fate in Fate if (count := self.followers.count(fate))}


def desk(
    *,
    has_items: bool = True,
    stop_after: int | None = 1,
    dies: Iterable[str] = (),
    stuck: Iterable[str] = (),
) -> Desk:
    letters = Letters([])
    for number, body in enumerate(BODIES):
        attributes = {"tsunagu_dead_letter_item": f"item-{number}"} if has_items else {}
        letters.dead.put(OutgoingMessage(body=body, attributes=attributes))
    letters.clock.ms += 1_000
    served = Consumer(letters, dies={*dies}, stuck={*stuck})
    followers = Followers(letters.clock, served, stop_after=stop_after)
    return Desk(letters, served, Around(letters), followers)


FAST = RedrivePlan(rate_per_second=500)


def test_one_letter_goes_first_and_the_others_follow_when_it_is_processed() -> None:
    world = desk()

    summary = world.redrive(FAST)

    assert (summary.moved, summary.stopped, world.fates()) == (23, "", {"RESOLVED": 23})


def test_nothing_follows_a_first_letter_that_dies_again() -> None:
    world = desk(dies={*BODIES})

    summary = world.redrive(FAST)

    assert (summary.moved, world.fates()) == (1, {"DIED_AGAIN": 1})
    assert summary.stopped == "the first letter died again: it is broken"
    assert len(world.letters.left) == 23


def test_nothing_follows_a_first_letter_that_is_not_processed_in_time() -> None:
    world = desk(stuck={*BODIES})

    summary = world.redrive(RedrivePlan(rate_per_second=500, canary_seconds=30))

    assert (summary.moved, world.fates()) == (1, {"WAITING": 1})
    assert summary.stopped == "the first letter was not processed within 30 s"


@pytest.mark.parametrize(("stop_after", "most"), [(1, 20), (3, 23)])
def test_redrive_stops_when_so_many_have_died_again(stop_after: int, most: int) -> None:
    world = desk(dies={"body-4", "body-5", "body-13"}, stop_after=stop_after)

    summary = world.redrive(RedrivePlan(rate_per_second=10))

    assert summary.moved <= most
    assert summary.stopped.endswith("died again, the last: it is broken")
    assert world.followers.count(Fate.DIED_AGAIN) >= stop_after


def test_redrive_that_never_stops_moves_what_dies_again_only_once() -> None:
    world = desk(dies={"body-4", "body-5"}, stop_after=None)

    summary = world.redrive(RedrivePlan(rate_per_second=10))

    assert (summary.moved, world.fates()) == (23, {"DIED_AGAIN": 2, "RESOLVED": 21})
    assert sorted(world.letters.left) == ["body-4", "body-5"]
    assert [each.letter.delivery.body for each in world.followers.with_fate(Fate.DIED_AGAIN)] == ["body-4", "body-5"]


def test_letter_that_dies_again_says_how_often_it_was_redriven() -> None:
    world = desk(dies={"body-0"})
    for count in (1, 2):
        world.followers = Followers(world.letters.clock, world.consumer)
        world.redrive(RedrivePlan(limit_count=1, rate_per_second=500))
        world.letters.clock.ms += 1_000
        world.letters.dead.messages.sort(key=lambda message: message.body)  # it comes first again

        (again,) = [message for message in world.letters.dead.waiting if message.body == "body-0"]
        assert again.attributes["tsunagu_redriven"] == str(count)


def test_limit_counts_the_first_letter() -> None:
    assert desk().redrive(RedrivePlan(rate_per_second=500, limit_count=5)).moved == 5
    assert desk().redrive(RedrivePlan(rate_per_second=500, limit_count=1)).moved == 1


def test_all_go_at_once_without_a_first_letter() -> None:
    world = desk(stuck={*BODIES})

    summary = world.redrive(RedrivePlan(rate_per_second=500, canary_seconds=None, settle_seconds=0))

    assert (summary.moved, world.fates()) == (23, {"WAITING": 23})


def test_letter_without_an_item_is_resolved_when_its_queue_is_drained_for_a_while_and_it_is_not_back() -> None:
    world = desk(has_items=False)
    world.letters.dead.messages = world.letters.dead.messages[:5]
    world.around.drained = True
    started_ms = world.letters.clock.ms

    summary = world.redrive(RedrivePlan(rate_per_second=500, limit_count=1))

    assert (summary.moved, world.fates()) == (1, {"RESOLVED": 1})
    assert world.letters.clock.ms - started_ms >= 60_000


def test_letter_without_an_item_that_is_back_has_died_again() -> None:
    world = desk(has_items=False, dies={"body-0"})
    world.letters.dead.messages = world.letters.dead.messages[:1]
    world.around.drained = True

    world.redrive(FAST)

    assert world.fates() == {"DIED_AGAIN": 1}


@pytest.mark.parametrize("drained", [False, None])
def test_fate_of_a_letter_without_an_item_is_not_known_while_its_queue_is_not_drained(drained: bool | None) -> None:
    world = desk(has_items=False)
    world.around.drained = drained

    world.redrive(RedrivePlan(rate_per_second=500, limit_count=1))

    assert world.fates() == {"WAITING": 1}


def test_fate_is_not_known_where_letters_cannot_all_be_seen() -> None:
    world = desk(has_items=False)
    world.around.drained = True  # but thirteen of the 23 letters are beyond the first ten

    world.redrive(RedrivePlan(rate_per_second=500, canary_seconds=None, limit_count=1))

    assert world.fates() == {"WAITING": 1}


@pytest.mark.parametrize("rate", [0.5, 3.0, 10.0, 47.0, 100.0])
def test_rate_is_kept_within_a_tenth_however_long_calls_take(rate: float) -> None:
    world = desk()
    world.consumer.milliseconds_per_call = 40
    started_ms = world.letters.clock.ms

    world.redrive(RedrivePlan(rate_per_second=rate, canary_seconds=None, settle_seconds=0))

    seconds = (world.letters.clock.ms - started_ms) / 1_000
    assert 23 / seconds == pytest.approx(rate, rel=0.1)


def test_rate_that_was_reached_is_known_without_the_time_of_waiting() -> None:
    world = desk()
    world.consumer.milliseconds_per_call = 1_000

    summary = world.redrive(RedrivePlan(rate_per_second=500, settle_seconds=10))

    assert summary.rate_per_second == pytest.approx(23 / 4, rel=0.1)  # one letter, then ten, ten and two


def test_redrive_that_was_held_up_does_not_catch_up_by_a_burst() -> None:
    world = desk()
    world.consumer.milliseconds_per_call = 5_000  # ten letters in 5 s, where 50 were asked for
    started_ms = world.letters.clock.ms
    world.redrive(RedrivePlan(rate_per_second=10, canary_seconds=None, settle_seconds=0, limit_count=10))
    world.consumer.milliseconds_per_call = 0

    world.redrive(RedrivePlan(rate_per_second=10, canary_seconds=None, settle_seconds=0, limit_count=10))

    assert world.letters.clock.ms - started_ms >= 6_000
