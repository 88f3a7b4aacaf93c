"""Which commits share a transaction."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from random import Random
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.runtime.idempotency.committer import TRANSACTION_BYTES, WRITES_PER_TRANSACTION, Committer, together
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.testing.fakes import FakeClock, FakeItemStore


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
    "values": lambda value: commit(replace(put("t", {}), values={"x": value})),
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
