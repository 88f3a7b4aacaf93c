"""A record is read as it was written, and a wrong variable is named."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.contracts.environment import EnvironmentContract, EnvironmentContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(EnvironmentContract):
    table_name: str
    ttl_seconds: int
    rate: float
    strict: bool
    level: str = "info"
    limit: int | None = None


@given(
    st.builds(
        Sample,
        table_name=st.text(),
        ttl_seconds=st.integers(),
        rate=st.floats(allow_nan=False),
        strict=st.booleans(),
        level=st.text(),
        limit=st.none() | st.integers(min_value=1),
    )
)
def test_record_is_read_as_it_was_written(sample: Sample) -> None:
    assert Sample.from_environment(sample.to_environment()) == sample


def test_variable_is_the_field_in_upper_case() -> None:
    assert Sample.variable_names() == ("TABLE_NAME", "TTL_SECONDS", "RATE", "STRICT", "LEVEL", "LIMIT")


def test_variable_name_of_one_field_is_that_of_the_record() -> None:
    assert [Sample.variable_name(name) for name in ("table_name", "limit")] == ["TABLE_NAME", "LIMIT"]
    with pytest.raises(ValueError, match="Sample must have the field table, got "):
        Sample.variable_name("table")


def test_none_travels_as_zero() -> None:
    written = Sample(table_name="t", ttl_seconds=1, rate=0.5, strict=True).to_environment()

    assert written["LIMIT"] == "0"


def test_missing_variable_is_named() -> None:
    with pytest.raises(EnvironmentContractError, match="TABLE_NAME must be set for Sample"):
        Sample.from_environment({})


def test_field_with_a_default_may_be_absent() -> None:
    written = Sample(table_name="t", ttl_seconds=1, rate=0.5, strict=True).to_environment()
    del written["LEVEL"]

    assert Sample.from_environment(written).level == "info"


@pytest.mark.parametrize(
    ("name", "text"), [("TTL_SECONDS", "soon"), ("RATE", "fast"), ("STRICT", "True"), ("LIMIT", "")]
)
def test_variable_of_a_wrong_type_is_named(name: str, text: str) -> None:
    written = Sample(table_name="t", ttl_seconds=1, rate=0.5, strict=True).to_environment()

    with pytest.raises(EnvironmentContractError, match=f"^{name} must be of type .*, got text of another form$"):
        Sample.from_environment({**written, name: text})
