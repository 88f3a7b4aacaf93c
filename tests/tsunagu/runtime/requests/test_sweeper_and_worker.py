"""The sweeper beside the real receiver, on one table: each request ends once, whoever is killed, and wherever."""

import io
import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tsunagu.runtime.requests.sweeper_world import MINUTE_MS, RULES, RUN_MS
from tests.tsunagu.runtime.requests.test_results import lose_the_result
from tests.tsunagu.runtime.requests.world import SCOPE, Report, RequestWorld, delivered
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import NO_EXPIRATION, ShownStatus
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.requests.request import Request
from tsunagu.runtime.requests.settler import Letter
from tsunagu.runtime.requests.sweeper import Sweeper, SweeperPorts
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import Killed
from tsunagu.testing.open_requests import FakeDeadLetterView, FakeQueueAge, FakeSender, OpenRecords

QUICK = replace(RULES, deadline_seconds=7_200)
ENDED = {ShownStatus.SUCCEEDED, ShownStatus.FAILED, ShownStatus.CANCELLED}
CALLS = ("insert", "read", "read_records", "update", "transact")
EVENTS = (
    "deliver",
    "raise",
    "refuse",
    "cancel",
    "sweep",
    "kill the sweeper",
    "kill the worker",
    "SQS gives up",
    "wait",
)


class Both(RequestWorld):
    """A world with workers and a sweeper. The queue holds what the sweeper sends, and the pipe is broken."""

    def __init__(self) -> None:
        super().__init__()
        self.records = OpenRecords(self.store)
        self.queue, self.completions, self.letters = FakeSender(), FakeSender(), FakeDeadLetterView()
        self.deliveries = 0

    def sweep(self, kill_at: int | None = None) -> None:
        ports = SweeperPorts(
            records=self.records,
            queue=self.queue,
            queue_age=FakeQueueAge(),
            completions=self.completions,
            letters=self.letters,
            metrics=Metrics("Tsunagu", SCOPE, self.clock, io.StringIO()),
            clock=self.clock,
            rng=random.Random(3),
        )
        left = [-1 if kill_at is None else kill_at]

        def count(_name: str) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise Killed

        self.records.on_call = self.queue.on_call = self.completions.on_call = count
        if kill_at is None:
            self.records.on_call = self.queue.on_call = self.completions.on_call = lambda _name: None
        with suppress(Killed):
            Sweeper(SCOPE, QUICK, ports, max_receive_count=96).run(self.clock.ms + RUN_MS)
        self.clock.ms += MINUTE_MS

    def deliver(self, item_id: str, function: Any = None, **attributes: str) -> None:
        self.deliveries += 1
        message = delivered(item_id, f"m-{self.deliveries}", **attributes)
        with suppress(Killed):
            self.receive(message, function=function)

    def act(self, event: str, item_id: str, call: str, at: int) -> None:
        """Let something happen to a request; `call` and `at` say where a worker or the sweeper is killed."""
        functions = {"deliver": None, "raise": fail, "refuse": refuse}
        if event in functions:
            self.deliver(item_id, functions[event])
        elif event == "cancel":
            self.store.cancel(item_id, self.clock.ms)
        elif event in {"sweep", "kill the sweeper"}:
            self.sweep(at if event == "kill the sweeper" else None)
        elif event == "kill the worker":
            self.store.plan(call, ("killed_before", "killed_after")[at % 2])
            self.deliver(item_id)
            self.store.faults.clear()
        elif event == "SQS gives up":
            self.give_up(item_id)
        else:
            self.clock.ms += at * MINUTE_MS

    def give_up(self, item_id: str) -> None:
        """Move a copy of the message to the dead-letter queue, as SQS does."""
        name = f"letter-{len(self.letters.letters)}"
        body = delivered(item_id)["body"]
        letter = Letter(message_id=name, receipt_handle=name, body=body, has_reason=False, sent_ms=self.clock.ms)
        self.letters.letters.append(letter)

    def status(self, item_id: str) -> str:
        return self.store.record(item_id).shown_status(self.clock.ms)

    def told(self) -> list[tuple[str, str]]:
        bodies = [json.loads(message.body) for message in self.completions.sent]
        return [(body["request_id"], body["status"]) for body in bodies]


def fail(report: Report, request: Request) -> None:
    raise ValueError(report.month)


def refuse(report: Report, request: Request) -> None:
    raise PermanentError(report.month)


def test_request_whose_message_was_lost_is_sent_again_worked_on_and_closed() -> None:
    world = Both()
    item_id = world.accept()
    world.clock.ms += 300_000

    world.sweep()
    (message,) = world.queue.sent
    world.deliver(json.loads(message.body)["request_key"])
    world.clock.ms += 600_000
    world.sweep()

    record = world.store.record(item_id)
    assert (world.status(item_id), record.partition, world.told()) == (ShownStatus.SUCCEEDED, "", [])
    assert record.item.expiration < NO_EXPIRATION


def test_request_that_failed_at_its_deadline_is_opened_by_a_redrive_alone() -> None:
    world = Both()
    item_id = world.accept()
    world.clock.ms += 7_200_000
    world.sweep()
    world.deliver(item_id)
    copied = (world.status(item_id), [*world.runs])

    world.deliver(item_id, tsunagu_redriven="1")

    assert copied == (ShownStatus.FAILED, [])
    assert (world.status(item_id), world.runs) == (ShownStatus.SUCCEEDED, ["r-1"])


def test_request_that_is_reopened_is_watched_again() -> None:
    world = Both()
    item_id = world.accept()
    world.clock.ms += 7_200_000
    world.sweep()
    world.sweep()
    world.deliver(item_id, function=fail, tsunagu_redriven="1")
    world.clock.ms += 7_100_000
    world.sweep()
    alive = world.status(item_id)
    world.clock.ms += 100_000
    world.sweep()
    world.sweep()

    assert (alive, world.status(item_id)) == (ShownStatus.RETRYING, ShownStatus.FAILED)
    assert Counter(world.told()) == {("r-1", ShownStatus.FAILED): 2}


def test_failure_is_published_by_the_next_sweep_though_the_sweeper_wanted_to_look_later() -> None:
    world = Both()
    item_id = world.accept()
    world.deliver(item_id, function=fail)
    world.clock.ms += 300_000
    world.sweep()
    later_ms = world.store.record(item_id).due_ms
    world.deliver(item_id, function=refuse)

    world.sweep()

    assert later_ms > world.clock.ms
    assert world.told() == [("r-1", ShownStatus.FAILED)]


def test_result_that_is_given_up_is_published_by_the_next_sweep() -> None:
    world = Both()
    item_id = world.accept()
    lose_the_result(world, item_id)
    assert world.status(item_id) == ShownStatus.FAILED

    world.sweep()

    assert world.told() == [("r-1", ShownStatus.FAILED)]


def test_cancellation_is_published_by_the_next_sweep() -> None:
    world = Both()
    item_id = world.accept()
    world.store.cancel(item_id, world.clock.ms)

    world.sweep()

    assert world.told() == [("r-1", ShownStatus.CANCELLED)]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.integers(1, 2), st.sampled_from(CALLS), st.integers(0, 40)), max_size=20
    )
)
def test_each_request_ends_once_whoever_is_killed(events: list[tuple[str, int, str, int]]) -> None:
    world = Both()
    ids = {number: world.accept(request_id=f"r-{number}", digit=str(number)) for number in (1, 2)}
    for event, number, call, at in events:
        world.act(event, ids[number], call, at)

    # The queue comes back: what the sweeper sends reaches a worker.
    for _ in range(300):
        sent = len(world.queue.sent)
        world.sweep()
        for message in world.queue.sent[sent:]:
            world.deliver(json.loads(message.body)["request_key"])

    endings = {number: world.status(item_id) for number, item_id in ids.items()}
    assert set(endings.values()) <= ENDED
    assert all(world.store.record(item_id).partition == "" for item_id in ids.values())
    worked = Counter(str(effect["id"]) for effect in world.store.effects)
    succeeded = {f"r-{number}" for number, ending in endings.items() if ending == ShownStatus.SUCCEEDED}
    assert worked == dict.fromkeys(succeeded, 1)
    told = {f"r-{number}": str(ending) for number, ending in endings.items() if ending != ShownStatus.SUCCEEDED}
    assert set(world.told()) == set(told.items())
    assert all(world.store.record(item_id).item.status is not Status.COMMITTED for item_id in ids.values())
