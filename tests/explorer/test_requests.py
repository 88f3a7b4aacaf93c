"""Accepted requests, with a crash or a failed call at every point, end once, in time, and as their caller is told."""

from dataclasses import replace

import pytest

from tests.explorer.requests.scenarios import SCENARIOS, Accepted
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import explore, survey

SCHEDULES = 1_000  # of each scenario and kind of trouble: all take ten minutes

each_scenario = pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=name, marks=[pytest.mark.slow] if scenario.is_long else [])
        for name, scenario in SCENARIOS.items()
    ],
)


@each_scenario
def test_one_crash_at_any_point_loses_and_doubles_no_accepted_request(scenario: Accepted) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, crashes=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_scenario
def test_one_failed_or_unanswered_call_at_any_point_loses_and_doubles_no_accepted_request(scenario: Accepted) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, lost=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_scenario
@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(crashes=1, switches=1, redeliveries=1),
        Bounds(lost=1, switches=1, redeliveries=1),
        Bounds(crashes=2, switches=1),
        Bounds(crashes=1, lost=1, switches=1),
        Bounds(lost=2, switches=1),
        Bounds(switches=3, redeliveries=1),
        Bounds(crashes=1, outages=1),
    ],
    ids=[
        "a crash and copies",
        "a failed call and copies",
        "two crashes",
        "a crash and a failed call",
        "two failed calls",
        "three switches and copies",
        "a crash and an outage",
    ],
)
def test_more_that_goes_wrong_at_once_loses_and_doubles_no_accepted_request(scenario: Accepted, bounds: Bounds) -> None:
    assert survey(scenario.with_trouble_for_all().within(bounds), limit=SCHEDULES).schedules
