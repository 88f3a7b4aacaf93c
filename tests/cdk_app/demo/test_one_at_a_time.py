from dataclasses import replace

import pytest

from cdk_app.demo.one_at_a_time import OneAtATime, Tick, doubles, find_problems
from cdk_app.demo.slow_supplier import SlowSupplier

RUN = Tick(status="SUCCEEDED", output={"run": 1, "outcome": None}, began=0, ended=3, execution="first")
SKIPPED = Tick(status="SUCCEEDED", output={"held_by": "first", "run": 1}, began=1, ended=2, execution="second")
NEXT = Tick(status="SUCCEEDED", output={"run": 2, "outcome": None}, began=3, ended=4, execution="third")


def supplier(most_at_once: int = 1) -> SlowSupplier:
    return SlowSupplier(pages=1, page_seconds=0, most_at_once=most_at_once)


def test_runs_one_after_the_other_with_skipped_ticks_between_them_are_fine() -> None:
    assert list(find_problems([RUN, SKIPPED, NEXT], supplier())) == []


@pytest.mark.parametrize(
    ("ticks", "most_at_once", "problem"),
    [
        ([RUN, replace(NEXT, output=RUN.output)], 1, "each run must have a number of its own, got one twice"),
        ([RUN], 2, "the supplier must be asked by one worker at a time, got 2"),
        ([RUN, replace(SKIPPED, began=4, ended=5)], 1, "a tick must be skipped only while a run is under way"),
        ([RUN, replace(SKIPPED, output={"held_by": ""})], 1, "a tick must be skipped only while a run is under way"),
        ([replace(RUN, status="FAILED", output={})], 1, "each run must succeed, got FAILED"),
    ],
)
def test_what_goes_wrong_is_a_problem(ticks: list[Tick], most_at_once: int, problem: str) -> None:
    [found] = find_problems(ticks, supplier(most_at_once))

    assert found.startswith(problem)


def test_failed_run_is_no_double() -> None:
    assert doubles([RUN, replace(NEXT, status="FAILED", output={})]) == 0


def test_price_list_takes_more_than_a_slice() -> None:
    assert OneAtATime().pages * 40 > 90
