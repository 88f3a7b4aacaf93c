"""Every interleaving of two workers, with a crash or a call that fails at every point, keeps the promises."""

from dataclasses import replace

import pytest

from tests.explorer.scenarios import SCENARIOS, Payments
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import explore, survey

SCHEDULES = 1_000  # of each scenario and kind of trouble: all take ten minutes

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))


@each_scenario
def test_one_crash_at_any_point_breaks_nothing(scenario: Payments) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, crashes=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_scenario
def test_one_failed_or_unanswered_call_at_any_point_breaks_nothing(scenario: Payments) -> None:
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
def test_more_that_goes_wrong_at_once_breaks_nothing(scenario: Payments, bounds: Bounds) -> None:
    extended = replace(bounds, redeliveries=scenario.bounds.redeliveries, outages=scenario.bounds.outages)

    assert survey(scenario.with_more_attempts(2).within(extended), limit=SCHEDULES).schedules
