"""A parked group, with a crash or a failed call at every point: nothing overtakes, is lost or doubled."""

from dataclasses import replace

import pytest

from tests.explorer.parked.scenarios import SCENARIOS, ParkedMessages
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import explore, survey

SCHEDULES = 1_000

each_scenario = pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=name, marks=[pytest.mark.slow] if scenario.is_long else [])
        for name, scenario in SCENARIOS.items()
    ],
)


@each_scenario
def test_one_crash_at_any_point_lets_nothing_overtake(scenario: ParkedMessages) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, crashes=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_scenario
def test_one_failed_or_unanswered_call_at_any_point_lets_nothing_overtake(scenario: ParkedMessages) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, lost=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_scenario
@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(crashes=2, switches=1),
        Bounds(crashes=1, lost=1, switches=1),
        Bounds(crashes=1, switches=3),
        Bounds(lost=2, switches=1),
    ],
    ids=["two crashes", "a crash and a failed call", "a crash and three switches", "two failed calls"],
)
def test_more_that_goes_wrong_at_once_lets_nothing_overtake(scenario: ParkedMessages, bounds: Bounds) -> None:
    extended = replace(bounds, outages=scenario.bounds.outages)

    assert survey(scenario.within(extended), limit=SCHEDULES).schedules
