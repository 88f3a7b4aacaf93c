"""Decisions: what is to be done with a message, as its item says; and the item that each outcome leaves."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tsunagu.contracts.items import FREE, KEPT_MESSAGE_IDS, NEVER, Status
from tsunagu.runtime.idempotency.decision import (
    Busy,
    ClaimRequest,
    DeadLettered,
    Decision,
    Done,
    Foreign,
    Held,
    Mismatch,
    Unavailable,
    Unreadable,
    Unsent,
)
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.lease import GRACE_MS, Claim, LeaseTerm
from tsunagu.runtime.idempotency.store import Commit, Outcome, Verdict
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage
from tsunagu.testing.fakes import DENIED, START_MS, FakeClock, FakeItemStore

WINDOW_SECONDS = 3_600
LEASE_END_MS = START_MS + 10_000 + GRACE_MS
EXPIRATION = START_MS // 1_000 + WINDOW_SECONDS
REQUEST = ClaimRequest(item_id="orders#1", payload_hash="p", request_id="r", message_ids=("m-1", "m-2"))

# An item of another worker, with another value in each field than a new one has.
FOUND = Item(
    id="orders#1",
    status=Status.RELEASED,
    owner="other",
    fence=4,
    lease=FREE,
    attempts=2,
    settled=3,
    payload_hash="p",
    request_id="r-0",
    reason="why",
    published_reason="what",
    outbox="[]",
    result="done",
    message_ids=("m-0",),
    told=("m-9",),
    receiver="mine",
    updated=START_MS - 5_000,
    expiration=EXPIRATION - 5,
)
# The item, as a new claim makes it.
NEW = Item(
    id="orders#1",
    status=Status.INPROGRESS,
    owner="me",
    fence=1,
    lease=LEASE_END_MS,
    payload_hash="p",
    request_id="r",
    receiver="mine",
    updated=START_MS,
    expiration=EXPIRATION,
)
# As a takeover of `FOUND` leaves it.
TAKEN_OVER = replace(NEW, fence=5, attempts=2, settled=3, reason="why", published_reason="what")


class Worker:
    """Decisions over a store that holds one item, or none."""

    def __init__(self, item: Item | None = None, store: FakeItemStore | None = None) -> None:
        self.clock, self.store = FakeClock(), store or FakeItemStore()
        if item is not None:
            self.store.items[item.id] = item
        self.idempotency = Idempotency(
            self.store,
            self.clock,
            owner="me",
            lease=LeaseTerm(self.clock, START_MS + 10_000),
            window_seconds=WINDOW_SECONDS,
            rng=random.Random(7),
            receiver="mine",
        )

    @property
    def item(self) -> Item:
        return self.store.items["orders#1"]

    def claim(self, request: ClaimRequest = REQUEST) -> Decision:
        (decision,) = self.idempotency.claim([request])
        return decision


def test_new_item_is_held_as_it_was_written() -> None:
    worker = Worker()

    assert worker.claim() == Held(Claim(item=NEW))
    assert worker.item == NEW


def test_item_is_of_no_receiver_where_nobody_else_can_have_its_key() -> None:
    store, clock = FakeItemStore(), FakeClock()
    idempotency = Idempotency(
        store, clock, owner="me", lease=LeaseTerm(clock, START_MS), window_seconds=1, rng=random.Random(7)
    )

    idempotency.claim([REQUEST])

    assert store.items["orders#1"].receiver == ""


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (FOUND, TAKEN_OVER),
        (replace(FOUND, status=Status.INPROGRESS, lease=START_MS - 1), TAKEN_OVER),
        (
            replace(FOUND, status=Status.DEAD, lease=NEVER),
            replace(TAKEN_OVER, attempts=0, reason="", published_reason=""),
        ),
        (
            replace(FOUND, status=Status.COMPLETED, lease=NEVER, expiration=START_MS // 1_000 - 1),
            replace(TAKEN_OVER, attempts=0, reason="", published_reason=""),
        ),
        (replace(FOUND, receiver="", payload_hash="p"), TAKEN_OVER),
        (replace(FOUND, payload_hash="other", expiration=START_MS // 1_000 - 1), TAKEN_OVER),
        (replace(FOUND, receiver="theirs", expiration=START_MS // 1_000 - 1), TAKEN_OVER),
    ],
    ids=["released", "lease over", "dead", "expired", "of an earlier release", "of another payload", "of another"],
)
def test_item_that_is_taken_over_keeps_what_counts_and_nothing_else(found: Item, taken: Item) -> None:
    worker = Worker(found)

    assert worker.claim() == Held(Claim(item=taken))
    assert worker.item == taken


COMMITTED = replace(FOUND, status=Status.COMMITTED, lease=START_MS - 1)


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (replace(FOUND, status=Status.INPROGRESS, lease=START_MS), Busy(START_MS)),
        (
            replace(FOUND, status=Status.INPROGRESS, lease=START_MS, owner="me"),
            Held(Claim(item=replace(FOUND, status=Status.INPROGRESS, lease=START_MS, owner="me"))),
        ),
        (replace(FOUND, status=Status.COMPLETED), Done()),
        (replace(FOUND, status=Status.COMPLETED, expiration=START_MS // 1_000), Done()),
        (replace(FOUND, status=Status.COMPLETED, expiration=0), Done()),
        (replace(FOUND, payload_hash="other"), Mismatch()),
        (replace(FOUND, receiver="theirs"), Foreign("theirs")),
        (
            replace(FOUND, status=Status.DEAD, message_ids=("m-2", "m-7")),
            DeadLettered(replace(FOUND, status=Status.DEAD, message_ids=("m-2", "m-7"))),
        ),
        (COMMITTED, Unsent(COMMITTED)),
        (replace(COMMITTED, lease=START_MS), Busy(START_MS)),
        (replace(COMMITTED, lease=NEVER - 1), Busy(NEVER - 1)),
        (replace(COMMITTED, lease=NEVER), Unsent(replace(COMMITTED, lease=NEVER))),
        (replace(COMMITTED, lease=START_MS, owner="me"), Unsent(replace(COMMITTED, lease=START_MS, owner="me"))),
        (replace(COMMITTED, told=("m-1",)), Unsent(replace(COMMITTED, told=("m-1",)))),
        (
            replace(COMMITTED, told=("m-2", "m-1", "m-0")),
            DeadLettered(replace(COMMITTED, told=("m-2", "m-1", "m-0"))),
        ),
    ],
)
def test_item_that_is_not_to_be_claimed_stays_as_it_is(found: Item, decision: Decision) -> None:
    worker = Worker(found)

    assert worker.claim() == decision
    assert worker.item == found


@pytest.mark.parametrize(
    ("message_ids", "reopens", "decision"),
    [
        (("m-0",), False, Done()),
        (("m-0",), True, Held(Claim(item=replace(TAKEN_OVER, attempts=0, reason="", published_reason="")))),
        (("m-2",), False, DeadLettered(replace(FOUND, status=Status.DEAD, message_ids=("m-2",)))),
    ],
)
def test_copy_that_does_not_reopen_a_dead_item_is_done(
    message_ids: tuple[str, ...], reopens: bool, decision: Decision
) -> None:
    worker = Worker(replace(FOUND, status=Status.DEAD, message_ids=message_ids))

    assert worker.claim(REQUEST._replace(reopens=reopens)) == decision


def test_message_without_ids_is_no_dead_letter_of_a_committed_item() -> None:
    worker = Worker(COMMITTED)

    assert worker.claim(REQUEST._replace(message_ids=())) == Unsent(COMMITTED)


@pytest.mark.parametrize("fault", ["unavailable", "denied"])
@pytest.mark.parametrize(("operation", "found"), [("insert", None), ("read", FOUND), ("update", FOUND)])
def test_claim_without_an_answer_says_which_call_failed(fault: str, operation: str, found: Item | None) -> None:
    worker = Worker(found)
    worker.store.plan(operation, fault)

    assert worker.claim() == Unavailable(DENIED if fault == "denied" else None)


def test_item_that_cannot_be_read_is_told_with_its_problem() -> None:
    worker = Worker()
    worker.store.items["orders#1"] = Verdict(Outcome.UNREADABLE, unreadable="odd")  # type: ignore[assignment]

    assert worker.claim() == Unreadable("odd")


def test_item_that_is_gone_when_it_is_read_comes_back() -> None:
    class Gone(FakeItemStore):
        def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
            return [None for _ in item_ids]

    assert Worker(FOUND, Gone()).claim() == Unavailable()


@pytest.mark.parametrize(
    ("now", "decision"),
    [
        (replace(TAKEN_OVER, owner="rival", lease=START_MS + 7_000), Busy(START_MS + 7_000)),
        (replace(FOUND, status=Status.COMPLETED, lease=NEVER), Busy(START_MS)),
        (replace(TAKEN_OVER, fence=6), Busy(LEASE_END_MS)),
        (TAKEN_OVER, Held(Claim(item=TAKEN_OVER))),
    ],
    ids=["taken by another", "done by another", "taken twice", "taken by an earlier try"],
)
def test_takeover_that_is_refused_waits_for_whoever_has_the_item(now: Item, decision: Decision) -> None:
    worker = Worker(FOUND)
    worker.store.before_update = lambda: worker.store.items.update({"orders#1": now})

    assert worker.claim() == decision


def test_each_request_has_its_own_decision() -> None:
    worker = Worker(replace(FOUND, status=Status.COMPLETED))
    others = [REQUEST._replace(item_id=f"orders#{number}") for number in range(2, 5)]
    worker.store.items["orders#3"] = replace(FOUND, id="orders#3")

    decisions = worker.idempotency.claim([others[0], REQUEST, others[1], others[2]])

    assert decisions == [
        Held(Claim(item=replace(NEW, id="orders#2"))),
        Done(),
        Held(Claim(item=replace(TAKEN_OVER, id="orders#3"))),
        Held(Claim(item=replace(NEW, id="orders#4"))),
    ]
    assert worker.store.calls == ["insert", "read", "update"]


def test_claim_of_nothing_asks_nothing() -> None:
    worker = Worker()

    assert (worker.idempotency.claim([]), worker.idempotency.settle([]), worker.store.calls) == ([], [], [])


CLAIM = Claim(item=TAKEN_OVER)
MESSAGE = OutboxMessage(channel=Channel.QUEUE, target="https://sqs/next", body="x")
OUTBOX = '[{"channel":"queue","target":"https://sqs/next","body":"x"}]'
STAMPED = replace(TAKEN_OVER, updated=START_MS + 1_500, expiration=EXPIRATION + 1)
ENDED = replace(STAMPED, settled=5)
MANY = tuple(f"m-{number}" for number in range(KEPT_MESSAGE_IDS + 1))

OUTCOMES: dict[str, tuple[Item, Callable[[Idempotency], Change], Item]] = {
    "completed": (TAKEN_OVER, lambda it: it.completed(CLAIM), replace(ENDED, status=Status.COMPLETED, lease=NEVER)),
    "completed with a result": (
        TAKEN_OVER,
        lambda it: it.completed(CLAIM, (), "text"),
        replace(ENDED, status=Status.COMPLETED, lease=NEVER, result="text"),
    ),
    "committed": (
        TAKEN_OVER,
        lambda it: it.completed(CLAIM, [MESSAGE]),
        replace(ENDED, status=Status.COMMITTED, outbox=OUTBOX, attempts=0),
    ),
    "committed with a result": (
        TAKEN_OVER,
        lambda it: it.completed(CLAIM, [MESSAGE], "text"),
        replace(ENDED, status=Status.COMMITTED, outbox=OUTBOX, attempts=0, result="text"),
    ),
    "sent": (
        replace(TAKEN_OVER, status=Status.COMMITTED, outbox=OUTBOX),
        lambda it: it.sent(TAKEN_OVER),
        replace(STAMPED, status=Status.COMPLETED, lease=NEVER),
    ),
    "send failed": (
        replace(TAKEN_OVER, status=Status.COMMITTED, outbox=OUTBOX),
        lambda it: it.send_failed(replace(TAKEN_OVER, attempts=7, reason="gone")),
        replace(STAMPED, status=Status.COMMITTED, outbox=OUTBOX, lease=FREE, attempts=7, reason="gone"),
    ),
    "given up": (
        replace(TAKEN_OVER, status=Status.COMMITTED, outbox=OUTBOX, told=("m-9",)),
        lambda it: it.given_up(replace(TAKEN_OVER, attempts=7, reason="gone", told=("m-9",)), ["m-1", "m-9"]),
        replace(
            STAMPED,
            status=Status.COMMITTED,
            outbox=OUTBOX,
            lease=FREE,
            attempts=0,
            reason="gone",
            told=("m-9", "m-1"),
        ),
    ),
    "released": (
        TAKEN_OVER,
        lambda it: it.released(CLAIM, attempts=3, reason="no", published="says"),
        replace(ENDED, status=Status.RELEASED, lease=FREE, attempts=3, reason="no", published_reason="says"),
    ),
    "released with a reason that may be published": (
        TAKEN_OVER,
        lambda it: it.released(CLAIM, attempts=3, reason="no"),
        replace(ENDED, status=Status.RELEASED, lease=FREE, attempts=3, reason="no", published_reason=""),
    ),
    "released without a reason": (
        TAKEN_OVER,
        lambda it: it.released(CLAIM, attempts=2, reason="", published="ignored"),
        replace(ENDED, status=Status.RELEASED, lease=FREE),
    ),
    "dead": (
        TAKEN_OVER,
        lambda it: it.dead(CLAIM, attempts=3, reason="never", message_ids=("m-1",), published="says"),
        replace(
            ENDED,
            status=Status.DEAD,
            lease=NEVER,
            attempts=3,
            reason="never",
            published_reason="says",
            message_ids=("m-1",),
        ),
    ),
    "dead with a reason that may be published": (
        TAKEN_OVER,
        lambda it: it.dead(CLAIM, attempts=3, reason="never", message_ids=MANY),
        replace(
            ENDED,
            status=Status.DEAD,
            lease=NEVER,
            attempts=3,
            reason="never",
            published_reason="",
            message_ids=MANY[1:],
        ),
    ),
    "notified": (
        replace(TAKEN_OVER, status=Status.DEAD, told=("m-9",)),
        lambda it: it.notified(replace(TAKEN_OVER, told=("m-9",)), ["m-1"]),
        replace(STAMPED, status=Status.DEAD, told=("m-9", "m-1")),
    ),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcome_leaves_the_item_as_it_is_described(outcome: str) -> None:
    before, change, after = OUTCOMES[outcome]
    worker = Worker(before)
    worker.clock.ms += 1_500

    (verdict,) = worker.idempotency.settle([change(worker.idempotency)])

    assert (verdict.outcome, worker.item) == (Outcome.APPLIED, after)


@pytest.mark.parametrize(
    ("outcome", "attribute"),
    [("completed", "result"), ("committed", "result"), ("released without a reason", "published_reason")],
)
def test_attribute_that_stays_as_it_is_is_not_written(outcome: str, attribute: str) -> None:
    assert attribute not in OUTCOMES[outcome][1](Worker().idempotency).values


OF_THE_OWNER = ["completed", "committed", "released", "dead"]
OTHERS = {
    "owner": replace(TAKEN_OVER, owner="rival"),
    "fencing token": replace(TAKEN_OVER, fence=6),
    "status": replace(TAKEN_OVER, status=Status.RELEASED),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("outcome", OF_THE_OWNER)
def test_outcome_of_a_claim_is_refused_once_the_item_is_of_another(outcome: str, other: str) -> None:
    worker = Worker(OTHERS[other])

    (verdict,) = worker.idempotency.settle([OUTCOMES[outcome][1](worker.idempotency)])

    assert (verdict.outcome, worker.item) == (Outcome.REFUSED, OTHERS[other])


def test_start_counts_the_attempt_of_the_owner_and_changes_nothing_else() -> None:
    worker = Worker(TAKEN_OVER)

    assert worker.idempotency.start(CLAIM).outcome is Outcome.APPLIED
    assert worker.item == replace(TAKEN_OVER, attempts=3)

    worker.store.items["orders#1"] = OTHERS["owner"]
    assert worker.idempotency.start(CLAIM).outcome is Outcome.REFUSED


@pytest.mark.parametrize("together", [True, False])
def test_commits_have_their_verdicts_in_order_together_or_one_by_one(together: bool) -> None:
    worker = Worker(replace(TAKEN_OVER, owner="rival"))
    worker.store.items["orders#2"] = replace(TAKEN_OVER, id="orders#2")
    claims = [CLAIM, Claim(item=replace(TAKEN_OVER, id="orders#2"))]

    verdicts = worker.idempotency.commit(
        [Commit(worker.idempotency.completed(claim), ()) for claim in claims], together=together
    )

    assert [verdict.outcome for verdict in verdicts] == [Outcome.REFUSED, Outcome.APPLIED]
    assert [len(each) for each in worker.store.transactions] == ([2, 1] if together else [1, 1])


def test_commits_go_together_by_default() -> None:
    worker = Worker(TAKEN_OVER)
    worker.store.items["orders#2"] = replace(TAKEN_OVER, id="orders#2")
    claims = [CLAIM, Claim(item=replace(TAKEN_OVER, id="orders#2"))]

    worker.idempotency.commit([Commit(worker.idempotency.completed(claim), ()) for claim in claims])

    assert worker.store.transactions == [["orders#1", "orders#2"]]
