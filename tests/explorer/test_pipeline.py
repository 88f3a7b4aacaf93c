"""A preprocessor and the services of two steps, with a crash or a failed call at every point, keep the promises."""

from dataclasses import replace

import pytest

from tests.explorer.pipeline.scenarios import SCENARIOS, Requests
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import explore, survey

SCHEDULES = 1_000  # of each scenario and kind of trouble: all take five minutes

each_pipeline = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))


@each_pipeline
def test_one_crash_at_any_point_loses_and_doubles_no_request(scenario: Requests) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, crashes=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_pipeline
def test_one_failed_or_unanswered_call_at_any_point_loses_and_doubles_no_request(scenario: Requests) -> None:
    explored = explore(scenario.within(replace(scenario.bounds, lost=1)))

    assert explored.is_complete


@pytest.mark.slow
@each_pipeline
@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(crashes=1, switches=2, redeliveries=1),
        Bounds(lost=1, switches=2, redeliveries=1),
        Bounds(crashes=2, switches=1),
        Bounds(crashes=1, lost=1, switches=1),
        Bounds(lost=2, switches=1),
    ],
    ids=[
        "a crash and copies",
        "a failed call and copies",
        "two crashes",
        "a crash and a failed call",
        "two failed calls",
    ],
)
def test_more_that_goes_wrong_at_once_loses_and_doubles_no_request(scenario: Requests, bounds: Bounds) -> None:
    assert survey(scenario.with_trouble_for_all().within(bounds), limit=SCHEDULES).schedules
