"""Numbers of retries: the back-off has a cap and full jitter, and the pace is that of the slowest record."""

import random

import pytest

from tsunagu.runtime.receiving.batch import MEASURED_RECORDS, Pace
from tsunagu.runtime.retry import LONGEST_SECONDS, backoff_seconds
from tsunagu.testing.fakes import START_MS, FakeClock


@pytest.mark.parametrize(("attempts", "longest"), [(1, 4.0), (3, 16.0), (9, LONGEST_SECONDS), (1_000, LONGEST_SECONDS)])
def test_back_off_is_anywhere_between_nothing_and_its_cap(attempts: int, longest: float) -> None:
    delays = [backoff_seconds(attempts, random.Random(seed)) for seed in range(200)]

    assert 0.0 <= min(delays) < longest / 10
    assert longest * 9 / 10 < max(delays) <= longest


@pytest.mark.parametrize(("left_ms", "expected"), [(3_999, False), (4_000, True)])
def test_one_more_message_must_fit_even_if_it_takes_as_long_as_the_slowest(left_ms: int, expected: bool) -> None:
    clock = FakeClock()
    pace = Pace(clock, function_timeout_seconds=10)
    for number in range(MEASURED_RECORDS):
        pace.measured(clock.now_ms() - (3_000 if number == 1 else 100))

    # the slowest took three seconds, and the answer to SQS needs one
    assert pace.allows_another(START_MS + left_ms, is_first=False) is expected
