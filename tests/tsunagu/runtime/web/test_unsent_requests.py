"""HTTP requests whose messages were committed and not sent: the sweeper sends them, whoever was killed, and when."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tsunagu.runtime.web.web_world import WINDOW_SECONDS, WebWorld
from tsunagu.contracts import requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.web import unsent_partition, unsent_partition_of
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.requests.outbox_sweeper import LONGEST_PAUSE_MS
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.web.current import current_outbox, current_request
from tsunagu.runtime.web.requests import IdempotentRequest
from tsunagu.testing.fakes import FakeItemStore, FakeOutboxSender, Killed
from tsunagu.testing.open_requests import FakeUnsentRequests

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/1/next"
DENIED = FailedCall("sqs:SendMessage", "next", "AccessDenied", is_configuration_fault=True)


class Desk(WebWorld):
    """An application whose orders have a message for each text of the body."""

    def __init__(self) -> None:
        super().__init__()
        self.app = app = FastAPI()

        @app.post("/orders", status_code=201)
        def create(
            texts: list[str],
            once: Annotated[IdempotentRequest, Depends(current_request)],
            outbox: Annotated[Outbox, Depends(current_outbox)],
        ) -> str:
            if texts and texts[0] != "no write":
                once.put("orders", {"order_id": once.key})
            for text in texts:
                outbox.send(QUEUE_URL, text)
            return once.key

    def create(self, *texts: str, key: str = "k-1") -> int:
        return self.request("POST", "/orders", texts, key=key)[0]

    def leave_unsent(self, *texts: str, key: str = "k-1") -> None:
        """Commit a request, and be killed before its messages are sent."""
        self.store.plan("transact", "killed_after")
        self.create(*texts, key=key)
        self.new_sandbox()

    def end(self) -> None:
        self.close()
        self.loop.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.end()


def test_messages_of_a_function_that_was_killed_are_sent_by_the_sweeper(desk: Desk) -> None:
    desk.leave_unsent("a", "b")

    desk.sweep_for(1)

    assert desk.bodies_sent() == ["a", "b"]
    assert (desk.only_item().status, desk.only_item().outbox, desk.indexed()) == (Status.COMPLETED, "", [])
    assert desk.counted()["RequestsResent"] == 1


def test_message_that_could_not_be_sent_is_sent_by_the_sweeper(desk: Desk) -> None:
    desk.outbox.broken = True
    assert desk.create("a") == 201

    desk.sweep_for(3)
    desk.outbox.broken = False
    desk.sweep_for(15)

    assert (desk.bodies_sent(), desk.only_item().status, desk.indexed()) == (["a"], Status.COMPLETED, [])


def test_request_without_writes_is_found_too(desk: Desk) -> None:
    desk.outbox.broken = True
    desk.create("no write")
    desk.outbox.broken = False

    desk.sweep_for(1)

    assert (desk.bodies_sent(), desk.only_item().status) == (["no write"], Status.COMPLETED)


@pytest.mark.parametrize("texts", [(), ("a",)])
def test_request_whose_messages_were_sent_is_not_in_the_index(desk: Desk, texts: tuple[str, ...]) -> None:
    desk.create(*texts)

    assert (desk.only_item().status, desk.indexed()) == (Status.COMPLETED, [])
    assert desk.sweep().looked_at == 0


def test_request_is_due_from_the_moment_on_at_which_its_lease_has_ended(desk: Desk) -> None:
    desk.leave_unsent("a")

    ((item_id, item),) = desk.store.items.items()
    assert desk.store.others[item_id][requests.DUE] == item.lease + 1


def test_function_that_may_be_sending_is_not_disturbed(desk: Desk) -> None:
    desk.leave_unsent("a")

    assert (desk.sweep().looked_at, desk.bodies_sent()) == (0, [])


def test_messages_of_the_sweeper_have_the_ids_of_those_of_the_function(desk: Desk) -> None:
    desk.create("a", "b")  # sent, and killed before that was written
    sent = [message.deduplication_id for message in desk.outbox.sent]
    another = Desk()
    another.leave_unsent("a", "b")
    another.sweep_for(1)

    assert [message.deduplication_id for message in another.outbox.sent] == sent
    assert len(set(sent)) == 2
    another.end()


def test_item_with_messages_does_not_expire_and_has_its_window_from_the_send_on(desk: Desk) -> None:
    desk.leave_unsent("a")
    kept = desk.only_item().expiration
    desk.outbox.broken = True
    desk.sweep_for(2 * WINDOW_SECONDS // 60)
    still = desk.only_item().expiration
    desk.outbox.broken = False
    desk.sweep_for(15)

    assert (kept, still) == (requests.NO_EXPIRATION, requests.NO_EXPIRATION)
    assert 0 < desk.only_item().expiration - desk.clock.ms // 1_000 <= WINDOW_SECONDS


@pytest.mark.parametrize("fault", [DENIED, None])
def test_target_that_is_not_there_is_tried_each_quarter_of_an_hour_and_loudly(
    desk: Desk, fault: FailedCall | None
) -> None:
    desk.leave_unsent("a")
    desk.outbox.fault, desk.outbox.broken = fault, True

    for _ in range(3):
        desk.clock.ms += 86_400_000 // 3
        assert desk.sweep().problem is not None
    (item_id,) = desk.indexed()
    due_ms = desk.store.others[item_id][requests.DUE]

    assert desk.counted()["CallsFailed"] == 3
    assert due_ms - desk.clock.ms <= LONGEST_PAUSE_MS
    assert desk.only_item().reason
    desk.outbox.fault, desk.outbox.broken = None, False
    desk.sweep_for(15)
    assert (desk.bodies_sent(), desk.only_item().status) == (["a"], Status.COMPLETED)


def test_wait_doubles_up_to_a_quarter_of_an_hour(desk: Desk) -> None:
    desk.leave_unsent("a")
    desk.outbox.broken = True
    tried = []
    for minute in range(1, 60):
        desk.clock.ms += 60_000
        if desk.sweep().looked_at:
            tried.append(minute)

    assert tried == [1, 2, 4, 8, 16, 31, 46]


def test_message_that_can_never_be_sent_blocks_no_other_and_is_given_up_with_a_reason(desk: Desk) -> None:
    desk.leave_unsent("a", "never", "b")
    desk.leave_unsent("c", key="k-2")

    desk.clock.ms += 60_000
    report = desk.sweep()
    desk.sweep_for(60)

    assert (report.failed, report.resent) == (1, 1)
    assert sorted(desk.bodies_sent()) == ["a", "b", "c"]
    (poisoned,) = [item for item in desk.store.items.values() if item.status is Status.COMMITTED]
    assert poisoned.reason == "done, but its messages were refused 1 times, the last with TaskTimedOut: spent"
    assert (poisoned.told, poisoned.expiration, desk.indexed()) == (("sweeper",), requests.NO_EXPIRATION, [])
    assert desk.counted()["FailuresAfterCommit"] == 1


def test_repeated_request_gets_the_answer_of_one_that_was_given_up_and_sends_nothing(desk: Desk) -> None:
    desk.leave_unsent("a", "never")
    desk.sweep_for(1)

    assert desk.create("a", "never") == 201
    assert (desk.bodies_sent(), len(desk.effects())) == (["a"], 1)


def test_outbox_of_another_form_is_given_up_and_not_guessed(desk: Desk) -> None:
    desk.leave_unsent("a")
    (item_id,) = desk.store.items
    desk.store.items[item_id] = replace(desk.store.items[item_id], outbox='[{"channel": "pigeon"}]')

    desk.sweep_for(1)

    assert "the outbox of the item cannot be read" in desk.only_item().reason
    assert desk.indexed() == []


def test_many_requests_are_sent_in_one_run(desk: Desk) -> None:
    for number in range(120):
        desk.leave_unsent(f"m-{number}", key=f"k-{number}")

    desk.sweep_for(1)

    assert sorted(desk.bodies_sent()) == sorted(f"m-{number}" for number in range(120))


def test_request_of_another_application_with_the_same_scope_is_left_alone(desk: Desk) -> None:
    desk.place = "a"
    desk.leave_unsent("a")
    desk.place = "b"

    desk.sweep_for(1)

    assert (desk.bodies_sent(), desk.only_item().status) == ([], Status.COMMITTED)


def test_index_that_is_behind_its_table_costs_no_write(desk: Desk) -> None:
    desk.create("a")
    item_id = desk.only_item().id
    desk.unsent.behind[unsent_partition_of("", item_id)] = [item_id, "deleted"]
    before = len(desk.store.calls)

    assert desk.sweep().looked_at == 2
    assert (len(desk.store.calls), desk.bodies_sent()) == (before, ["a"])


def test_item_without_messages_is_taken_out_of_the_index(desk: Desk) -> None:
    desk.create("a")
    item_id = desk.only_item().id
    partition = unsent_partition_of("", item_id)
    desk.store.others[item_id] = {requests.OPEN: partition, requests.DUE: 0, requests.RESENDS: 1}

    assert desk.sweep().closed == 1
    assert (desk.indexed(), desk.bodies_sent()) == ([], ["a"])


def test_items_that_cannot_be_read_hold_back_no_other_and_fail_the_run(desk: Desk) -> None:
    desk.leave_unsent("a")
    desk.leave_unsent("b", key="k-2")
    desk.unsent.unanswered = {desk.indexed()[0]}

    desk.clock.ms += 60_000

    assert desk.sweep().problem is not None
    assert desk.bodies_sent() == ["b"]


def test_index_that_does_not_answer_fails_the_run(desk: Desk) -> None:
    desk.leave_unsent("a")
    broken = unsent_partition("", "0")

    def fail_once(_name: str) -> None:
        desk.unsent.on_call = lambda _name: None
        raise UnavailableError(broken)

    desk.unsent.on_call = fail_once
    assert desk.sweep().problem is not None
    desk.sweep_for(2)
    assert desk.bodies_sent() == ["a"]


def test_run_ends_before_its_time_is_over(desk: Desk) -> None:
    desk.leave_unsent("a")
    desk.clock.ms += 60_000

    def take_time(_name: str) -> None:
        desk.clock.ms += 30_000

    desk.unsent.on_call = take_time
    assert not desk.sweep().is_complete


def test_messages_that_may_be_sent_are_never_given_up(desk: Desk) -> None:
    desk.leave_unsent("a")
    desk.outbox.broken = True

    desk.sweep_for(8 * 60)

    assert (desk.only_item().told, len(desk.indexed())) == ((), 1)
    desk.outbox.broken = False
    desk.sweep_for(15)
    assert desk.bodies_sent() == ["a"]


def test_item_that_was_given_up_is_not_sent_though_it_is_in_the_index(desk: Desk) -> None:
    desk.leave_unsent("a")
    (item_id,) = desk.store.items
    desk.store.items[item_id] = replace(desk.store.items[item_id], told=("sweeper",))

    desk.sweep_for(1)

    assert (desk.bodies_sent(), desk.indexed()) == ([], [])


def test_item_that_another_sender_holds_is_left_to_it(desk: Desk) -> None:
    desk.leave_unsent("a")
    desk.clock.ms += 60_000
    take(desk)
    before = len(desk.store.calls)

    assert desk.sweep().looked_at == 1
    assert (desk.bodies_sent(), len(desk.store.calls)) == ([], before)


def take(desk: Desk) -> None:
    """Take the item as another sender does."""
    (item_id,) = desk.store.items
    item = desk.store.items[item_id]
    desk.store.items[item_id] = replace(item, owner="another", lease=desk.clock.ms + 30_000)


@pytest.mark.parametrize("sender", ["sweeper", "caller"])
def test_of_two_senders_one_sends(desk: Desk, sender: str) -> None:
    desk.leave_unsent("a")
    desk.clock.ms += 60_000
    desk.store.before_update = lambda: take(desk)

    if sender == "sweeper":
        desk.sweep()
    else:
        assert desk.create("a") == 201

    assert (desk.bodies_sent(), desk.only_item().owner) == ([], "another")


def test_caller_that_repeats_while_the_sweeper_sends_waits(desk: Desk) -> None:
    desk.leave_unsent("a")
    take(desk)

    assert desk.create("a") == 409
    assert desk.bodies_sent() == []


def test_sweeper_whose_taking_was_answered_by_the_second_try_sends(desk: Desk) -> None:
    desk.leave_unsent("a")
    desk.store.plan("update", "answer_lost")

    desk.sweep_for(1)

    assert desk.bodies_sent() == ["a"]


class MortalSender(FakeOutboxSender):
    """Sends, and calls `on_call` before and after each message."""

    on_call: Callable[[str], object] = staticmethod(lambda _name: None)

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        results = []
        for message in messages:
            self.on_call("before a send")
            results += super().send([message])
            self.on_call("after a send")
        return results


class MortalStore(FakeItemStore):
    """A table that calls `on_call` before and after each call."""

    on_call: Callable[[str], object] = staticmethod(lambda _name: None)

    def _faulty(self, operation: str, apply: Callable[[], list[Verdict]], size: int) -> list[Verdict]:
        self.on_call(f"before {operation}")
        verdicts = super()._faulty(operation, apply, size)
        self.on_call(f"after {operation}")
        return verdicts


class Killer:
    """Kills at one call, by its number."""

    def __init__(self, number: int) -> None:
        self.calls = 0
        self._number = number

    def __call__(self, _name: str) -> None:
        self.calls += 1
        if self.calls - 1 == self._number:
            raise Killed


def calls_with_a_kill_at(number: int, *, is_outage: bool) -> int:
    """Kill function or sweeper at this call from the claim on, and then sweep; return how many calls there were."""
    desk = Desk()
    desk.outbox, desk.store = sender, store = MortalSender(), MortalStore()
    desk.unsent = FakeUnsentRequests(store)
    sender.on_call = store.on_call = desk.unsent.on_call = kill = Killer(number)
    answers: list[int] = []
    sender.broken = is_outage
    sweep = functools.partial(desk.sweep_for, 1)
    steps: list[Callable[[], object]] = [lambda: answers.append(desk.create("a", "b")), sweep, sweep]
    for step in steps:
        try:
            step()
        except Killed:
            desk.new_sandbox()
        sender.broken = False
    sender.on_call = store.on_call = desk.unsent.on_call = lambda _name: None
    desk.sweep_for(10)
    was_committed = bool(desk.effects())
    desk.end()

    assert {message.outbox_message.body for message in sender.sent} == ({"a", "b"} if was_committed else set())
    assert len({message.deduplication_id for message in sender.sent}) == (2 if was_committed else 0)
    assert was_committed or 201 not in answers
    assert all((item.status is Status.COMPLETED) == was_committed for item in store.items.values())
    assert desk.indexed() == []
    return kill.calls


@pytest.mark.parametrize("is_outage", [False, True])
def test_kill_at_any_call_of_function_or_sweeper_loses_no_message(*, is_outage: bool) -> None:
    number = 0
    while number < calls_with_a_kill_at(number, is_outage=is_outage):
        number += 1
    assert number > 30  # of the index alone, the sweeper asks 16 partitions


KILLS = st.sampled_from(["", "", "", "killed_before", "killed_after", "unavailable", "unanswered", "answer_lost"])
STEPS = st.lists(st.sampled_from(["sweep", "call", "minute", "lease", "outage", "repair", "kill"]), max_size=12)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries({name: st.lists(KILLS, max_size=8) for name in ("insert", "read", "update", "transact")}),
    STEPS,
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
    st.integers(0, 12),
)
def test_each_message_reaches_its_target_with_one_id_whoever_is_killed_and_whenever_the_sweeper_runs(
    faults: dict[str, list[str]], steps: list[str], texts: list[str], kill_at: int
) -> None:
    desk = Desk()
    for operation, planned in faults.items():
        desk.store.plan(operation, *planned)
    desk.unsent.on_call = Killer(kill_at)
    moves: dict[str, Callable[[], object]] = {
        "sweep": desk.sweep,
        "call": lambda: desk.create(*texts),
        "minute": lambda: setattr(desk.clock, "ms", desk.clock.ms + 60_000),
        "lease": desk.pass_lease,
        "outage": lambda: setattr(desk.outbox, "broken", True),
        "repair": lambda: setattr(desk.outbox, "broken", False),
        "kill": desk.new_sandbox,
    }
    for step in ["call", *steps]:
        try:
            moves[step]()
        except Killed:
            desk.new_sandbox()
    desk.store.faults.clear()
    desk.unsent.on_call = lambda _name: None
    desk.outbox.broken = False
    was_committed = bool(desk.effects())
    desk.sweep_for(20)
    desk.end()

    ids: dict[str, set[str]] = {}
    for message in desk.outbox.sent:
        ids.setdefault(message.outbox_message.body, set()).add(message.deduplication_id)
    assert set(ids) == (set(texts) if was_committed else set())
    assert all(len(each) == 1 for each in ids.values())
    assert len(desk.effects()) <= 1
    assert all((item.status is Status.COMPLETED) == was_committed for item in desk.store.items.values())
    assert desk.indexed() == []
