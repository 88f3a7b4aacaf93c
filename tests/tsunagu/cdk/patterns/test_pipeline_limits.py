import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.cdk.patterns.pipeline_limits import Hop, inline_bytes
from tsunagu.contracts.pipeline import INLINE_BYTES
from tsunagu.errors import InvalidPropsError

KIB = 1_024


def test_64_kib_travel_inline_where_they_fit() -> None:
    assert inline_bytes([Hop("Reserve", 256 * KIB, 1), Hop("Ship", 256 * KIB, 3)], None) == INLINE_BYTES


def test_less_travels_inline_where_a_step_has_many_services() -> None:
    chosen = inline_bytes([Hop("Reserve", 256 * KIB, 1), Hop("Ship", 256 * KIB, 9)], None)

    assert 0 < chosen < INLINE_BYTES
    assert 9 * chosen < 256 * KIB


def test_300_kib_travel_inline_on_a_topic_of_one_mib() -> None:
    assert inline_bytes([Hop("Reserve", 1_024 * KIB, 1), Hop("Ship", 1_024 * KIB, 3)], 300 * KIB) == 300 * KIB


def test_values_that_would_not_fit_a_message_together_are_refused() -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        inline_bytes([Hop("Stack/Reserve", 256 * KIB, 1), Hop("Stack/Ship", 256 * KIB, 4)], INLINE_BYTES)

    assert str(refusal.value) == (
        "inline_bytes must be at most 64,512, so that 4 JSON values fit the 262,144 bytes of Stack/Ship, got 65,536"
    )


@given(limit=st.integers(256 * KIB, 1_024 * KIB), parts=st.integers(1, 50))
def test_what_is_chosen_always_fits(limit: int, parts: int) -> None:
    assert 0 <= parts * inline_bytes([Hop("Ship", limit, parts)], None) < limit
