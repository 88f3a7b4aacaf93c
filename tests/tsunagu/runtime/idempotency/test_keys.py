"""Keys: equal value and type make equal ids."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.idempotency.keys import item_id, payload_hash

KEYS = st.text(min_size=1) | st.integers()


@given(KEYS, KEYS)
def test_ids_are_equal_where_keys_are_equal_in_value_and_type(one: str | int, other: str | int) -> None:
    same = one == other and type(one) is type(other)

    assert (item_id("s", one) == item_id("s", other)) is same


def test_scope_is_part_of_the_id() -> None:
    assert item_id("payments", "1") != item_id("orders", "1")


@pytest.mark.parametrize("key", ["", None, 1.0, True, ["a"], {"a": 1}])
def test_key_of_another_type_is_refused(key: object) -> None:
    with pytest.raises(InvalidMessageError, match="business key must be text that is not empty, or a whole number"):
        item_id("s", key)


@given(st.dictionaries(st.text(), st.integers()))
def test_payload_hash_ignores_order_and_white_space(value: dict[str, int]) -> None:
    respelled = json.loads(json.dumps(dict(reversed(value.items())), indent=3))

    assert payload_hash(respelled) == payload_hash(value)
