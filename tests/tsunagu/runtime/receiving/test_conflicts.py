"""Conflicts: a transaction that conflicts with another one is tried again within milliseconds, at random."""

import pytest

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.committer import TRIES
from tsunagu.runtime.retry import CONFLICT_SECONDS

PAUSES = TRIES - 1
SEEDS = range(20)


def pauses(seed: int) -> list[float]:
    """Return the pauses of a transaction that conflicts with another one until its last try."""
    world = World()
    world.seed = seed
    world.store.plan("transact", *["conflict"] * PAUSES)
    assert world.receive(record(order("o-1"))) == []
    return world.clock.slept_seconds


@pytest.mark.parametrize("pause", range(PAUSES))
def test_two_transactions_that_conflicted_pause_for_different_times(pause: int) -> None:
    lengths = {pauses(seed)[pause] for seed in SEEDS}

    assert len(lengths) == len(SEEDS)
    assert max(lengths) - min(lengths) > CONFLICT_SECONDS / 2


def test_pauses_are_milliseconds_and_grow() -> None:
    each = [pauses(seed) for seed in SEEDS]
    longest = [max(lengths) for lengths in zip(*each, strict=True)]

    assert all(CONFLICT_SECONDS <= pause <= CONFLICT_SECONDS * 2**PAUSES for lengths in each for pause in lengths)
    assert longest == sorted(longest)


def test_transaction_that_conflicts_each_time_costs_no_attempt() -> None:
    world = World()
    world.store.plan("transact", *["conflict"] * TRIES)

    assert world.receive(record(order("o-1"))) == ["m-1"]
    assert (world.only_item().status, world.only_item().attempts) == (Status.RELEASED, 0)
    assert len(world.clock.slept_seconds) == PAUSES
