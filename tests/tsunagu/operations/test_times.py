"""Times as operators write them."""

import pytest

from tsunagu.operations.times import age_seconds


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1_800), ("1h", 3_600), ("2d", 172_800)])
def test_age_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert age_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1w", "1 h", "\uff11h"])
def test_text_of_another_form_is_no_age(text: str) -> None:
    assert age_seconds(text) is None
