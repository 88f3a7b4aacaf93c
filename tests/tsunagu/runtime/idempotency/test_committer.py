"""Which commits share a transaction."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from random import Random
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.committer import (
    TRANSACTION_BYTES,
    TRIES,
    WRITES_PER_TRANSACTION,
    Committer,
    together,
)
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.runtime.retry import conflict_pause_seconds
from tsunagu.testing.fakes import DENIED, FakeClock, FakeItemStore


def put(table_name: str, item: Mapping[str, object]) -> BusinessWrite:
    return BusinessWrite(operation="Put", table_name=table_name, target=item)


def update(table_name: str, key: Mapping[str, object]) -> BusinessWrite:
    return BusinessWrite(operation="Update", table_name=table_name, target=key, update="ADD n :one")


def commit(*writes: BusinessWrite) -> Commit:
    return Commit(Change(item_id="orders#1", values={}, where={}), writes)


WRITES = st.builds(
    lambda number, has_key: update("t", {"id": number}) if has_key else put("t", {"id": number, "text": "x"}),
    st.integers(0, 30),
    st.booleans(),
)


@given(st.lists(st.lists(WRITES, max_size=60, unique_by=lambda write: write.target["id"]), max_size=12))
def test_each_commit_is_in_one_transaction_that_fits_and_has_no_item_twice(
    writes: list[list[BusinessWrite]],
) -> None:
    commits = [commit(update("t", {"id": "known"}), *each) for each in writes[:1]] + [
        commit(*each) for each in writes[1:]
    ]

    groups = together(commits)

    assert sorted(index for group in groups for index in group) == [*range(len(commits))]
    for group in groups:
        ids = [write.target["id"] for index in group for write in commits[index].writes]
        assert len(set(ids)) == len(ids)
        assert len(ids) + len(group) <= WRITES_PER_TRANSACTION


def test_commits_that_touch_different_items_share_a_transaction() -> None:
    assert together([commit(put("t", {"id": number})) for number in range(50)]) == [[*range(50)]]


def test_item_of_any_commit_in_a_transaction_goes_into_another_one_when_it_is_written_again() -> None:
    ids = ["a", "b", "c", "a", "b", "c", "a"]

    assert together([commit(update("t", {"id": each})) for each in ids]) == [[0, 1, 2], [3, 4, 5], [6]]


def test_hundred_writes_fill_a_transaction() -> None:
    assert together([commit(put("t", {"id": number})) for number in range(51)]) == [[*range(50)], [50]]


def test_large_writes_are_split() -> None:
    large = "x" * (TRANSACTION_BYTES // 3)

    groups = together([commit(put("t", {"id": number, "text": large})) for number in range(4)])

    assert groups == [[0, 1], [2, 3]]


HALF = TRANSACTION_BYTES // 2 - 1  # the name `x` is a byte
HALVES: dict[str, Callable[[int], object]] = {
    "text": lambda size: "a" * size,
    "text that is not ASCII": lambda size: "a" * (size % 2) + "é" * (size // 2),
    "half a surrogate pair": lambda size: "\ud800" + "a" * (size - 1),
    "bytes": lambda size: b"a" * size,
    "bytearray": bytearray,
    "mapping": lambda size: {"é": "a" * (size - 2)},
    "number": lambda size: [7, Decimal("7.5"), True, None, "a" * (size - 4 * 21)],
    "list": lambda size: ["a" * (size - 2), b"a", "a"],
    "tuple": lambda size: ("a" * (size - 2), b"a", "a"),
    "set": lambda size: {"a" * (size - 1), "b"},
    "frozenset": lambda size: frozenset({b"a" * (size - 1), b"b"}),
}
PLACES: dict[str, Callable[[object], Commit]] = {
    "item": lambda value: commit(put("t", {"x": value})),
    "values": lambda value: commit(put("t", {})._replace(values={"x": value})),
    "completion": lambda value: Commit(Change(item_id="orders#1", values={"x": value}, where={}), ()),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", HALVES)
def test_two_halves_of_the_largest_size_fit_and_a_byte_more_does_not(kind: str, place: str) -> None:
    half, more = (PLACES[place](HALVES[kind](size)) for size in (HALF, HALF + 1))
    other = commit(put("t", {"x": "b" * HALF}))

    assert (together([half, other]), together([more, other])) == ([[0, 1]], [[0], [1]])


def test_size_of_a_group_grows_with_each_commit_in_it() -> None:
    third = TRANSACTION_BYTES // 3 + 1

    assert together([commit(put("t", {"x": f"{n}" * third})) for n in range(3)]) == [[0, 1], [2]]


def test_commit_whose_values_cannot_be_read_goes_alone() -> None:
    class Odd(str):
        __slots__ = ()

        def isascii(self) -> bool:
            raise ValueError

    nothing, odd = commit(), commit(put("t", {"x": Odd("a")}))

    assert together([nothing, odd, nothing, odd, commit(put("t", {"x": "b"}))]) == [[0, 2, 4], [1], [3]]


def test_one_item_in_two_tables_is_two_items() -> None:
    assert together([commit(put("t", {"id": 1})), commit(put("u", {"id": 1}))]) == [[0, 1]]


class Script(FakeItemStore):
    """Answers each transaction with the next outcomes of a list, one for each commit; then applies all."""

    def __init__(self, *answers: Sequence[Outcome]) -> None:
        super().__init__()
        self.answers = [*answers]
        self.sizes: list[int] = []

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:  # noqa: ARG002
        self.sizes.append(len(commits))
        outcomes = self.answers.pop(0) if self.answers else [Outcome.APPLIED] * len(commits)
        return [Verdict(outcome) for outcome in outcomes]


APPLIED, CANCELLED, CONFLICT, REFUSED = Outcome.APPLIED, Outcome.CANCELLED, Outcome.CONFLICT, Outcome.REFUSED


@pytest.mark.parametrize(
    ("answers", "sizes", "outcomes", "pauses"),
    [
        ([], [3], [APPLIED] * 3, 0),
        ([[CANCELLED] * 3], [3, 1, 1, 1], [APPLIED] * 3, 0),
        ([[CANCELLED, REFUSED, CANCELLED]], [3, 2], [APPLIED, REFUSED, APPLIED], 0),
        ([[CANCELLED, CONFLICT, CANCELLED]], [3, 2, 1], [APPLIED] * 3, 1),
        ([[CONFLICT] * 3], [3, 3], [APPLIED] * 3, 1),
        ([[CONFLICT] * 3] * TRIES, [3] * TRIES, [CONFLICT] * 3, TRIES - 1),
        (
            [[CANCELLED, REFUSED, CANCELLED], *[[CONFLICT] * 2] * TRIES],
            [3, *[2] * TRIES],
            [CONFLICT, REFUSED, CONFLICT],
            TRIES - 1,
        ),
        (
            [[CANCELLED] * 3, *[[CONFLICT]] * 3 * TRIES],
            [3, *[1] * 3 * TRIES],
            [CONFLICT] * 3,
            3 * (TRIES - 1),
        ),
    ],
)
def test_commits_go_again_as_the_answers_say(
    answers: list[list[Outcome]], sizes: list[int], outcomes: list[Outcome], pauses: int
) -> None:
    store, clock = Script(*answers), FakeClock()

    verdicts = Committer(store, clock, Random(7), "me").commit([commit(put("t", {"id": n})) for n in range(3)])

    assert ([verdict.outcome for verdict in verdicts], store.sizes) == (outcomes, sizes)
    assert len(clock.slept_seconds) == pauses


@pytest.mark.parametrize("number", [1, 3])
def test_transaction_with_another_number_of_answers_than_commits_is_refused(number: int) -> None:
    committer = Committer(Script([APPLIED] * number), FakeClock(), Random(7), "me")

    with pytest.raises(ValueError, match="zip"):
        committer.commit([commit(put("t", {"id": n})) for n in range(2)])


def test_pauses_are_those_of_the_tries_so_far() -> None:
    store, clock, rng = Script(*[[CONFLICT]] * TRIES), FakeClock(), Random(7)

    Committer(store, clock, Random(7), "me").commit([commit(put("t", {"id": 1}))])

    assert clock.slept_seconds == [conflict_pause_seconds(tries, rng) for tries in range(1, TRIES)]


def test_tokens_differ_and_have_the_length_that_dynamodb_takes() -> None:
    tokens: list[str] = []

    class Noting(FakeItemStore):
        def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
            tokens.append(token)
            return [Verdict(APPLIED)] * len(commits)

    for owner in ("me", "other"):
        committer = Committer(Noting(), FakeClock(), Random(7), owner)
        for _ in range(2):
            committer.commit([commit(put("t", {"id": 1}))])

    assert (len(set(tokens)), {len(token) for token in tokens}) == (4, {36})


@pytest.mark.parametrize(
    ("verdict", "calls"),
    [
        (Verdict(Outcome.UNAVAILABLE), 2),
        (Verdict(Outcome.UNAVAILABLE, problem=FailedCall("dynamodb:PutItem", "t", "ThrottlingException")), 2),
        (Verdict(Outcome.UNAVAILABLE, problem=DENIED), 1),
        (Verdict(Outcome.FAILED), 1),
    ],
)
def test_transaction_without_an_answer_goes_once_more_unless_it_is_denied(verdict: Verdict, calls: int) -> None:
    tokens: list[str] = []

    class Silent(FakeItemStore):
        def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
            tokens.append(token)
            return [verdict] * len(commits)

    verdicts = Committer(Silent(), FakeClock(), Random(7), "me").commit([commit(put("t", {"id": 1}))])

    assert (verdicts, len(tokens), len(set(tokens))) == ([verdict], calls, 1)


def test_no_two_transactions_of_several_threads_have_one_token() -> None:
    """DynamoDB answers a token that it knows without applying anything. Here each token waits for the other threads."""
    tokens: list[str] = []
    together_at = Barrier(8)

    class Owner(str):
        __slots__ = ()

        def __format__(self, spec: str) -> str:
            together_at.wait(5)
            return "me"

    class Store(FakeItemStore):
        def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
            tokens.append(token)
            return [Verdict(Outcome.APPLIED)] * len(commits)

    committer = Committer(Store(), FakeClock(), Random(7), Owner("me"))
    with ThreadPoolExecutor(8) as threads:
        verdicts = [*threads.map(lambda _: committer.commit([commit(put("t", {"id": 1}))]), range(8))]

    assert (len(set(tokens)), len(verdicts)) == (8, 8)


def test_key_of_a_table_is_learnt_from_the_writes_that_name_it() -> None:
    writes = [commit(put("t", {"id": 1, "a": 1})), commit(put("t", {"id": 1, "a": 2})), commit(update("t", {"id": 9}))]

    assert together(writes) == [[0, 2], [1]]
