"""A scheduled job, with a crash, a failed call or an abort at every point: one run commits, and no tick is blocked."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.explorer.single_flight.scenarios import ONE_SWITCH, SCENARIOS, Ticks
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import RandomChoices, explore, survey

SCHEDULES = 1_000  # of each scenario and kind of trouble

LONG = {"job: machine", "job: run"}  # in every run, the last test draws some of their crashes

each_job = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
each_job_long_ones_apart = pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=name, marks=[pytest.mark.slow] if name in LONG else [])
        for name, scenario in SCENARIOS.items()
    ],
)


@pytest.mark.slow
@each_job
def test_one_worker_that_stands_still_at_any_point_lets_no_two_runs_commit_and_blocks_no_tick(scenario: Ticks) -> None:
    explored = explore(scenario.within(ONE_SWITCH))

    assert explored.is_complete


@each_job_long_ones_apart
def test_one_crash_at_any_point_lets_no_two_runs_commit_and_blocks_no_tick(scenario: Ticks) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, crashes=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_job
def test_one_failed_call_or_abort_at_any_point_lets_no_two_runs_commit_and_blocks_no_tick(scenario: Ticks) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, lost=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_job
@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(crashes=2, switches=2),
        Bounds(crashes=1, lost=1, switches=2),
        Bounds(lost=2, switches=2),
    ],
    ids=["two crashes", "a crash and a failed call", "two failed calls"],
)
def test_more_that_goes_wrong_at_once_lets_no_two_runs_commit_and_blocks_no_tick(
    scenario: Ticks, bounds: Bounds
) -> None:
    assert survey(scenario.within(bounds), limit=SCHEDULES).schedules


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    scenario=st.sampled_from([*SCENARIOS.values()]),
    seed=st.integers(0, 2**32),
    chance=st.sampled_from([0.03, 0.1, 0.3]),
)
def test_any_life_of_a_job_lets_no_two_runs_commit_and_blocks_no_tick(
    scenario: Ticks, seed: int, chance: float
) -> None:
    choices = RandomChoices(random.Random(seed), chance)

    scenario.within(Bounds(crashes=1, lost=2, switches=2)).run(choices)
