"""Whatever workers, callers and kills do: each request ends within the bound, is worked once, and is told of."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.requests.sweeper_world import LEASE_MS, MINUTE_MS, RULES, SweeperWorld
from tsunagu.contracts import requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.testing.fakes import Killed

QUICK = replace(RULES, deadline_seconds=7_200)
REQUESTS = 3
EVENTS = ("work", "fail", "dead", "die", "hang", "cancel", "wait", "kill", "break", "mend", "backlog", "repeat")


@dataclass
class Story:
    """A queue with workers around the records, on a clock that only goes forward."""

    world: SweeperWorld = field(default_factory=lambda: SweeperWorld(QUICK))
    ids: list[str] = field(default_factory=list)
    resent_at: dict[str, list[int]] = field(default_factory=dict)

    def act(self, event: str, number: int) -> None:
        item_id = self.ids[number]
        if event in {"work", "fail", "dead", "die", "hang"}:
            self.work(item_id, event)
        elif event == "cancel":
            self.world.cancel(item_id)
        elif event in {"break", "mend"}:
            self.world.queue.broken = self.world.completions.broken = event == "break"
        elif event == "backlog":
            self.world.age.age_ms = 86_400_000
        elif event == "repeat":
            record = self.world.records.records[item_id]
            record.setdefault(requests.OPEN, requests.open_partition("reports", "a"))
            record.setdefault(requests.DUE, self.world.clock.ms)
        self.pass_minutes(20 if event == "wait" else 1, kill_at=number * 4 if event == "kill" else None)

    def work(self, item_id: str, how: str) -> None:
        """Deliver a copy of the message to a worker, whatever the queue holds: SQS may deliver any number of them."""
        fence = self.world.claim(item_id)
        if fence is None or how == "die":
            return
        outcomes = {"work": Status.COMPLETED, "fail": Status.RELEASED, "dead": Status.DEAD}
        if how == "hang":  # beyond its lease; then it tries to commit
            self.world.clock.ms += LEASE_MS + 1
            self.pass_minutes(1)
        self.world.settle(item_id, fence, outcomes.get(how, Status.COMPLETED), reason=how)

    def pass_minutes(self, minutes: int, kill_at: int | None = None) -> None:
        for _ in range(minutes):
            before = {item_id: self.world.request(item_id) for item_id in self.ids}
            sent = Counter(self.world.sent_keys())
            self.world.clock.ms += MINUTE_MS
            self.sweep(kill_at)
            for item_id in self.ids:
                self.check_step(item_id, before[item_id].item.status, before[item_id].is_held(self.world.clock.ms))
                if Counter(self.world.sent_keys())[item_id] > sent[item_id]:
                    self.resent_at.setdefault(item_id, []).append(self.world.clock.ms)

    def sweep(self, kill_at: int | None) -> None:
        if kill_at is not None:
            self.world.kill_at(kill_at)
        with suppress(Killed):
            self.world.sweep()
        self.world.let_live()

    def check_step(self, item_id: str, status: Status, was_held: bool) -> None:
        """Check what one sweep did: it ends nothing that is held or ended, before the deadline."""
        request = self.world.request(item_id)
        if status in {Status.COMPLETED, Status.DEAD}:
            assert request.item.status is status
        elif was_held and self.world.clock.ms < QUICK.deadline_ms(request):
            assert request.item.status is status
            assert self.world.clock.ms not in self.resent_at.get(item_id, [])


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, REQUESTS - 1)), max_size=25))
def test_each_request_ends_within_the_bound_and_is_worked_once(events: list[tuple[str, int]]) -> None:
    story = Story()
    world = story.world
    story.ids = [world.accept(number) for number in range(REQUESTS)]

    for event, number in events:
        story.act(event, number)
    story.world.queue.broken = story.world.completions.broken = False
    late_ms = max(QUICK.deadline_ms(world.request(item_id)) for item_id in story.ids) + MINUTE_MS
    story.pass_minutes(max(1, (late_ms - world.clock.ms) // MINUTE_MS + 1))
    endings = {item_id: world.request(item_id).ending for item_id in story.ids}
    story.pass_minutes(6)

    assert None not in endings.values()
    assert world.records.open_ids() == []
    assert max(Counter(world.worked).values(), default=1) == 1
    assert {item_id for item_id, ending in endings.items() if ending is ShownStatus.SUCCEEDED} == {*world.worked}
    told = {(item_id.rpartition(":")[2], ending) for item_id, ending in endings.items()}
    assert {*world.published()} == {each for each in told if each[1] is not ShownStatus.SUCCEEDED}


@given(st.lists(st.booleans(), max_size=60))
def test_gaps_between_resends_at_least_double(delivered: list[bool]) -> None:
    story = Story()
    item_id = story.world.accept()
    story.ids = [item_id]
    for is_killed in delivered:
        story.pass_minutes(1, kill_at=20 if is_killed else None)
    story.pass_minutes(110)

    times = [story.world.request(item_id).accepted_ms, *story.resent_at.get(item_id, [])]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps
    assert all(gap >= 300_000 * 2**number for number, gap in enumerate(gaps))
