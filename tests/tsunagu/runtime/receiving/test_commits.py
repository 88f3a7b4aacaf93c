"""Commits: what functions collect is committed for a whole batch, and a faulty message harms no other."""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from itertools import count
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, Process, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import ConditionFailedError
from tsunagu.runtime.idempotency.store import Commit, Outcome, Verdict
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import START_MS, Killed

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/111122223333/next"
TAKEN = {"order_id": "taken"}


@pytest.fixture
def world() -> World:
    world = World()
    world.store.effects.append(TAKEN)
    return world


def put(body: JsonObject, message: Message) -> None:
    message.put("effects", {"order_id": body["order_id"]}, condition="attribute_not_exists(order_id)")


def new_effects(world: World) -> list[object]:
    return world.effects()[1:]


def batch(*keys: str) -> list[dict[str, Any]]:
    return [record(order(key), f"m-{number}") for number, key in enumerate(keys)]


def test_nothing_is_written_before_the_function_has_returned(world: World) -> None:
    seen: list[list[object]] = []

    def look(body: JsonObject, message: Message) -> None:
        put(body, message)
        seen.append(new_effects(world))

    assert world.receive(*batch("o-1"), process=look) == []
    assert (seen, new_effects(world)) == ([[]], ["o-1"])


def test_function_that_raises_writes_and_sends_nothing(world: World) -> None:
    def fail(body: JsonObject, message: Message) -> None:
        put(body, message)
        message.outbox.send(QUEUE_URL, "x")
        raise ValueError

    assert world.receive(*batch("o-1"), process=fail) == ["m-0"]
    assert (new_effects(world), world.outbox.sent) == ([], [])


def test_message_that_is_sent_after_the_writes_were_collected_is_sent(world: World) -> None:
    def natural_order(body: JsonObject, message: Message) -> None:
        put(body, message)
        message.outbox.send(QUEUE_URL, "x")
        message.result = "done"

    assert world.receive(*batch("o-1"), process=natural_order) == []
    assert (new_effects(world), len(world.outbox.sent), world.only_item().result) == (["o-1"], 1, "done")


def test_batch_of_ten_is_claimed_and_committed_in_two_calls(world: World) -> None:
    assert world.receive(*batch(*map(str, range(10))), process=put) == []

    assert world.store.calls == ["insert", "transact"]
    assert new_effects(world) == [*map(str, range(10))]


def test_each_message_is_committed_alone_without_group_commit(world: World) -> None:
    world.group_commit = False

    assert world.receive(*batch("o-1", "taken", "o-3"), process=put) == ["m-1"]
    assert [len(transaction) for transaction in world.store.transactions] == [1, 1, 1]
    assert new_effects(world) == ["o-1", "o-3"]


@pytest.mark.parametrize("position", range(3))
def test_refused_condition_costs_an_attempt_of_its_own_message_alone(world: World, position: int) -> None:
    keys = ["o-1", "o-2"]
    keys.insert(position, "taken")

    assert world.receive(*batch(*keys), process=put) == [f"m-{position}"]
    assert new_effects(world) == ["o-1", "o-2"]
    assert world.counted()["AttemptsFailed"] == 1
    assert {(item.status, item.attempts) for item in world.store.items.values()} == {
        (Status.COMPLETED, 0),
        (Status.RELEASED, 1),
    }


def test_condition_that_never_holds_dead_letters_the_message(world: World) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        assert world.receive(*batch("taken"), process=put) == ["m-0"]

    assert world.receive(*batch("taken"), process=put) == []
    assert "got writes [1] of 1 refused" in world.only_item().reason


def test_messages_that_write_one_item_are_committed_one_after_the_other(world: World) -> None:
    def balance(body: JsonObject, message: Message) -> None:
        message.put("effects", {"order_id": body["order_id"]})
        message.update("balances", {"order_id": "balance"}, "ADD amount :one", values={":one": 1})

    assert world.receive(*batch("o-1", "o-2"), process=balance) == []
    assert [len(transaction) for transaction in world.store.transactions] == [1, 1]
    assert Counter(map(str, new_effects(world))) == {"o-1": 1, "o-2": 1, "balance": 2}


def test_two_puts_that_are_found_to_be_one_item_are_committed_alone(world: World) -> None:
    """DynamoDB knows the key of the table, and refuses the transaction without naming a commit."""
    world.store.transact = refusing(world.store.transact, lambda commits: len(commits) > 1)  # type: ignore[method-assign]

    assert world.receive(*batch("o-1", "o-2", "o-3"), process=put) == []
    assert new_effects(world) == ["o-1", "o-2", "o-3"]
    assert "AttemptsFailed" not in world.counted()


def test_commit_that_is_refused_alone_harms_no_other(world: World) -> None:
    def is_refused(commits: list[Commit]) -> bool:
        targets = [write.target for commit in commits for write in commit.writes]
        return {"order_id": "bad"} in targets

    world.store.transact = refusing(world.store.transact, is_refused)  # type: ignore[method-assign]

    assert world.receive(*batch("o-1", "bad", "o-3"), process=put) == ["m-1"]
    assert new_effects(world) == ["o-1", "o-3"]
    assert world.counted()["AttemptsFailed"] == 1


def refusing(transact: Callable[..., list[Verdict]], is_refused: Callable[[Any], bool]) -> Callable[..., list[Verdict]]:
    """Return `transact` such that some transactions are refused without reasons; alone, the commit is at fault."""

    def refuse(commits: list[Commit], token: str) -> list[Verdict]:
        if not is_refused(commits):
            return transact(commits, token)
        if len(commits) > 1:
            return [Verdict(Outcome.CANCELLED)] * len(commits)
        return [Verdict(Outcome.FAILED, error=ValueError("no such table"))]

    return refuse


def test_late_commit_is_refused_and_its_neighbours_stand(world: World) -> None:
    def late(body: JsonObject, message: Message) -> None:
        put(body, message)
        if body["order_id"] == "slow":
            world.pass_lease()
            world.receive(record(body, "m-other"), process=put)

    assert world.receive(*batch("o-1", "o-3", "slow"), process=late) == ["m-2"]
    assert sorted(map(str, new_effects(world))) == ["o-1", "o-3", "slow"]
    assert world.counted()["LeasesLost"] == 1


@pytest.mark.parametrize("faults", [["unanswered"], ["answer_lost"], ["unanswered", "unavailable"], ["conflict"] * 2])
def test_commit_of_a_batch_whose_answer_is_lost_is_recognised(world: World, faults: list[str]) -> None:
    world.store.plan("transact", *faults)

    assert world.receive(*batch("o-1", "o-2"), process=put) == []
    assert new_effects(world) == ["o-1", "o-2"]
    assert "AttemptsFailed" not in world.counted()


def test_second_try_of_an_unanswered_commit_has_the_same_token(world: World) -> None:
    tokens: list[str] = []
    transact = world.store.transact

    def unanswered(commits: list[Commit], token: str) -> list[Verdict]:
        tokens.append(token)
        return transact(commits, token) if len(tokens) > 1 else [Verdict(Outcome.UNAVAILABLE)] * len(commits)

    world.store.transact = unanswered  # type: ignore[method-assign, assignment]
    world.receive(*batch("o-1", "o-2"), process=put)
    world.receive(record(order("o-3")), process=put)

    assert (tokens[0], len(set(tokens))) == (tokens[1], 2)


def test_outage_gives_all_messages_back_without_an_attempt(world: World) -> None:
    world.store.plan("transact", *["unavailable"] * 2)

    assert world.receive(*batch("o-1", "o-2"), process=put) == ["m-0", "m-1"]
    assert {(item.status, item.attempts) for item in world.store.items.values()} == {(Status.RELEASED, 0)}


def test_kill_in_a_slow_batch_costs_little_work(world: World) -> None:
    ran: list[str] = []

    def slow(body: JsonObject, message: Message) -> None:
        ran.append(body["order_id"])
        if ran == ["o-1", "o-2", "o-3", "o-4"]:
            raise Killed
        world.clock.ms += 600
        put(body, message)

    world.receive_and_die(*batch("o-1", "o-2", "o-3", "o-4"), process=slow)
    assert [len(transaction) for transaction in world.store.transactions] == [3]  # before the fourth one ran
    world.pass_lease()

    assert world.receive(*batch("o-1", "o-2", "o-3", "o-4"), process=slow) == []
    assert ran == ["o-1", "o-2", "o-3", "o-4", "o-4"]


def test_outcomes_of_concurrent_work_do_not_wait_for_the_slowest_message(world: World) -> None:
    ticks, committed, transact = count(), Event(), world.store.transact

    def commit(commits: list[Commit], token: str) -> list[Verdict]:
        committed.set()
        return transact(commits, token)

    def process(body: JsonObject, message: Message) -> None:
        put(body, message)
        assert body["order_id"] != "o-3" or committed.wait(10)

    world.concurrency = 2
    world.clock.now_ms = lambda: START_MS + 600 * next(ticks)  # type: ignore[method-assign]
    world.store.transact = commit  # type: ignore[method-assign, assignment]

    assert world.receive(*batch("o-1", "o-2", "o-3"), process=process, remaining_ms=10_000_000) == []


def test_groups_are_committed_in_waves_and_a_message_reads_what_the_one_before_it_wrote(world: World) -> None:
    seen: dict[str, list[object]] = {}

    def look(body: JsonObject, message: Message) -> None:
        seen[body["order_id"]] = new_effects(world)
        put(body, message)

    names = ["a1", "a2", "b1", "a3", "b2"]
    records = [record(order(name), f"m-{name}", group=name[0]) for name in names]

    assert world.receive(*records, process=look) == []
    assert new_effects(world) == ["a1", "b1", "a2", "b2", "a3"]
    assert [len(transaction) for transaction in world.store.transactions] == [2, 2, 1]
    assert seen["a2"] == ["a1", "b1"]


def test_refused_commit_stops_its_group_and_no_other(world: World) -> None:
    names = {"a1": "taken", "a2": "o-2", "b1": "o-3", "b2": "o-4"}
    records = [record(order(key), f"m-{name}", group=name[0]) for name, key in names.items()]

    assert world.receive(*records, process=put) == ["m-a1", "m-a2"]
    assert new_effects(world) == ["o-3", "o-4"]


def test_function_may_decide_otherwise_when_the_condition_of_its_transaction_does_not_hold(world: World) -> None:
    def decide(body: JsonObject, message: Message) -> None:
        try:
            with message.transaction() as transaction:
                transaction.put("effects", {"order_id": body["order_id"]}, condition="attribute_not_exists(order_id)")
        except ConditionFailedError:
            message.put("effects", {"order_id": "refused"})
            message.outbox.send(QUEUE_URL, "refused")
            message.result = "refused"

    assert world.receive(*batch("taken"), process=decide) == []
    assert (new_effects(world), len(world.outbox.sent), world.only_item().result) == (["refused"], 1, "refused")


def test_transaction_commits_what_the_message_has_collected_too(world: World) -> None:
    def both(body: JsonObject, message: Message) -> None:
        put(body, message)
        with message.transaction() as transaction:
            transaction.put("effects", {"order_id": "second"})

    assert world.receive(*batch("o-1"), process=both) == []
    assert (new_effects(world), len(world.store.transactions)) == (["o-1", "second"], 1)


def write_late(_body: JsonObject, message: Message) -> None:
    message.put("effects", {"order_id": "late"})


def send_late(_body: JsonObject, message: Message) -> None:
    message.outbox.send(QUEUE_URL, "late")


def publish_late(_body: JsonObject, message: Message) -> None:
    message.outbox.publish("arn:aws:sns:eu-central-1:111122223333:next", "late")


def set_result_late(_body: JsonObject, message: Message) -> None:
    message.result = "late"


def open_late(_body: JsonObject, message: Message) -> None:
    with message.transaction() as transaction:
        transaction.put("effects", {"order_id": "late"})


def beat_late(_body: JsonObject, message: Message) -> None:
    message.heartbeat()


@pytest.mark.parametrize("is_swallowed", [False, True])
@pytest.mark.parametrize("late", [write_late, send_late, publish_late, set_result_late, open_late, beat_late])
def test_what_comes_after_the_commit_is_refused_counted_and_logged(
    world: World, late: Process, is_swallowed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world.lease_seconds = 3

    def process(body: JsonObject, message: Message) -> None:
        with message.transaction() as transaction:
            transaction.put("effects", {"order_id": body["order_id"]})
        message_errors = (RuntimeError,) if is_swallowed and late is not beat_late else ()
        with contextlib.suppress(*message_errors):
            late(body, message)

    with caplog.at_level(logging.ERROR):
        assert world.receive(*batch("o-1"), process=process) == []

    assert (new_effects(world), world.only_item().status, world.outbox.sent) == (["o-1"], Status.COMPLETED, [])
    assert world.counted()["FailuresAfterCommit"] == 1
    assert [entry.message for entry in caplog.records] == ["failed after the commit"]


def test_write_that_is_given_to_a_transaction_after_its_block_is_refused(world: World) -> None:
    def late(body: JsonObject, message: Message) -> None:
        with message.transaction() as transaction:
            transaction.put("effects", {"order_id": body["order_id"]})
        with contextlib.suppress(RuntimeError):
            transaction.put("effects", {"order_id": "late"})

    assert world.receive(*batch("o-1"), process=late) == []
    assert (new_effects(world), world.counted()["FailuresAfterCommit"]) == (["o-1"], 1)


def test_second_block_of_a_transaction_is_refused_counted_and_logged(world: World) -> None:
    def twice(body: JsonObject, message: Message) -> None:
        with message.transaction() as transaction:
            transaction.put("effects", {"order_id": body["order_id"]})
        with contextlib.suppress(RuntimeError), transaction:
            transaction.put("effects", {"order_id": "late"})

    assert world.receive(*batch("o-1"), process=twice) == []
    assert (new_effects(world), world.counted()["FailuresAfterCommit"]) == (["o-1"], 1)


def test_second_transaction_is_refused_also_when_the_first_one_was_not_committed(world: World) -> None:
    def twice(_body: JsonObject, message: Message) -> None:
        for _ in range(2):
            with contextlib.suppress(ConditionFailedError, RuntimeError), message.transaction() as transaction:
                transaction.put("effects", TAKEN, condition="attribute_not_exists(order_id)")

    assert world.receive(*batch("o-1"), process=twice) == ["m-0"]
    assert (new_effects(world), world.counted()["AttemptsFailed"]) == ([], 1)


def test_transaction_that_is_entered_and_never_left_is_a_failed_attempt(world: World) -> None:
    def forget(body: JsonObject, message: Message) -> None:
        message.transaction().__enter__().put("effects", {"order_id": body["order_id"]})

    assert world.receive(*batch("o-1"), process=forget) == ["m-0"]
    assert (world.only_item().reason, new_effects(world)) == (
        "RuntimeError: a transaction must be used in a with block, got one that was entered and never left",
        [],
    )


@pytest.mark.parametrize("late", [write_late, send_late, publish_late, set_result_late, open_late])
def test_message_that_is_kept_takes_nothing_after_its_function_has_returned(world: World, late: Process) -> None:
    """Not even while its commit waits for the other messages of the batch."""
    kept: list[Message] = []

    def process(body: JsonObject, message: Message) -> None:
        put(body, message)
        if kept:
            with pytest.raises(RuntimeError):
                late(body, kept[0])
        kept.append(message)

    assert world.receive(*batch("o-1", "o-2"), process=process) == []
    with pytest.raises(RuntimeError):
        late(order("o-1"), kept[0])
    assert (new_effects(world), world.outbox.sent) == (["o-1", "o-2"], [])
    assert [len(transaction) for transaction in world.store.transactions] == [2]


FATES = st.sampled_from(["write", "write twice", "nothing", "fail", "taken", "transaction", "send"])


@given(fates=st.lists(FATES, min_size=1, max_size=12), groups=st.lists(st.sampled_from("ab"), min_size=12, max_size=12))
def test_each_message_has_its_own_fate_whatever_its_neighbours_do(fates: list[str], groups: list[str]) -> None:
    world = World()
    world.store.effects.append(TAKEN)

    def process(body: JsonObject, message: Message) -> None:
        fate, key = body["fate"], body["order_id"]
        if fate == "fail":
            put(body, message)
            raise ValueError
        if fate == "taken":
            message.put("effects", TAKEN, condition="attribute_not_exists(order_id)")
        if fate in {"write", "write twice", "send"}:
            put(body, message)
        if fate == "write twice":
            message.put("effects", {"order_id": f"{key}, again"})
        if fate == "transaction":
            with message.transaction() as transaction:
                transaction.put("effects", {"order_id": key})
        if fate == "send":
            message.outbox.send(QUEUE_URL, key)

    records = [record(order(f"o-{n}", fate=fate), f"m-{n}") for n, fate in enumerate(fates)]
    returned = world.receive(*records, process=process)

    wrong = {"fail", "taken"}
    assert returned == [f"m-{n}" for n, fate in enumerate(fates) if fate in wrong]
    expected = [f"o-{n}" for n, fate in enumerate(fates) if fate not in {*wrong, "nothing"}]
    expected += [f"o-{n}, again" for n, fate in enumerate(fates) if fate == "write twice"]
    assert Counter(map(str, new_effects(world))) == Counter(expected)
    assert [message.outbox_message.body for message in world.outbox.sent] == [
        f"o-{n}" for n, fate in enumerate(fates) if fate == "send"
    ]
