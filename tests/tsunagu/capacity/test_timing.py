import pytest

from tsunagu.capacity.timing import timing_of
from tsunagu.errors import InvalidInputError


def test_times_of_message_and_batch_are_the_line_through_invocations() -> None:
    found = timing_of([(1, 70.0), (4, 220.0), (10, 520.0)])

    assert (found.message_ms, found.batch_ms) == pytest.approx((50, 20))
    assert (found.invocations, found.mean_messages) == (3, 5)
    assert found.mean_ms == pytest.approx(270)


def test_batches_of_one_size_say_nothing_of_the_time_besides() -> None:
    found = timing_of([(10, 500.0), (10, 540.0)])

    assert (found.message_ms, found.batch_ms) == (52, 0)


@pytest.mark.parametrize("measured", [[(1, 500.0), (10, 100.0)], [(1, 10.0), (10, 500.0)]])
def test_a_line_that_cannot_be_counts_all_time_as_that_of_messages(measured: list[tuple[int, float]]) -> None:
    """Large batches that are quicker than small ones, or a batch of no messages that takes less than no time."""
    found = timing_of(measured)

    assert found.batch_ms == 0
    assert found.message_ms == pytest.approx(found.mean_ms / found.mean_messages)


def test_messages_that_ran_side_by_side_count_as_one() -> None:
    found = timing_of([(10, 220.0), (5, 120.0)], parallel=5)

    assert (found.message_ms, found.batch_ms) == pytest.approx((100, 20))


def test_without_an_invocation_there_is_no_time() -> None:
    with pytest.raises(InvalidInputError, match="measured must have an invocation, got none"):
        timing_of([])
