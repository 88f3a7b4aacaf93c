"""Keys: equal value and type make equal ids."""

import hashlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.idempotency.keys import item_id, payload_hash
from tsunagu.runtime.json_text import read_json

# Hashes that tables hold. They must never change: a message under an old hash would be taken for another payload.
GOLDEN = [
    (
        '{"payment_id":"p-1","amount":1250,"currency":"EUR"}',
        "403d29fa833b6431d87b5eee567a19ae47d92ea18baedb880469aab7662ef7e2",
    ),
    (
        '{"b":[1,1.0,-0.0,0.1,1e23,1E+2,null,true,"\\u00e9\\ud83d\\ude00"],"a":{}}',
        "8b37dfc966c037d7893510df8a8cc93258562301c275d93612a3100072c745dd",
    ),
    (
        '{"n":12345678901234567890,"x":0.30000000000000004,"y":5e-324}',
        "c3cec9f7fc8aa4eb540880ba4e2310305af35c84e7b20ece2e1b42b4ea210751",
    ),
]

KEYS = st.text(min_size=1) | st.integers()
DECIMALS = st.decimals("-1e20", "1e20", places=8) | st.decimals("12345678901234567", "12345678901234568", places=2)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(KEYS, KEYS)
def test_ids_are_equal_where_keys_are_equal_in_value_and_type(one: str | int, other: str | int) -> None:
    same = one == other and type(one) is type(other)

    assert (item_id("s", one) == item_id("s", other)) is same


def test_scope_is_part_of_the_id() -> None:
    assert item_id("payments", "1") != item_id("orders", "1")


@pytest.mark.parametrize("key", ["", None, 1.0, True, ["a"], {"a": 1}])
def test_key_of_another_type_is_refused(key: object) -> None:
    sentence = f"business key must be text that is not empty, or a whole number, got {type(key).__name__}$"
    with pytest.raises(InvalidMessageError, match=sentence):
        item_id("s", key)


@given(st.dictionaries(st.text(), st.integers()))
def test_payload_hash_ignores_order_and_white_space(value: dict[str, int]) -> None:
    respelled = json.loads(json.dumps(dict(reversed(value.items())), indent=3))

    assert payload_hash(respelled) == payload_hash(value)


@pytest.mark.parametrize(("text", "digest"), GOLDEN)
def test_hash_of_a_payload_whose_numbers_fit_a_float_stays_as_it_is_in_tables(text: str, digest: str) -> None:
    assert payload_hash(read_json("the body", text)) == digest


@given(JSON_VALUES)
def test_hash_of_a_value_without_exact_numbers_is_that_of_its_plain_json(value: object) -> None:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"))

    assert payload_hash(value) == hashlib.sha256(plain.encode()).hexdigest()


@pytest.mark.parametrize(
    "spellings",
    [
        ["1.0", "1.00", "1e0", "10E-1"],
        ["12345678901234567.89", "12345678901234567.890", "1234567890123456789e-2"],
        ["1e-400", "10E-401"],
        ["12345678901234567891.0", "1234567890123456789.1e1"],
        ["-0.10000000000000000555", "-1.0000000000000000555E-1"],
    ],
)
def test_numbers_of_the_same_value_are_the_same_payload(spellings: list[str]) -> None:
    assert len({digest(text) for text in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12345678901234567.89", "12345678901234567.10"),
        ("12345678901234567.89", "12345678901234568.0"),
        ("12345678901234567.89", "-12345678901234567.89"),
        ("12345678901234567891.0", "12345678901234567891"),
        ("1", "1.0"),
        ("1e-400", "0.0"),
        ("0.1", "0.10000000000000000555"),
    ],
)
def test_numbers_of_other_values_are_another_payload(one: str, other: str) -> None:
    assert digest(one) != digest(other)


@given(DECIMALS, DECIMALS)
def test_payloads_are_equal_where_the_exact_values_of_their_numbers_are(one: Decimal, other: Decimal) -> None:
    assert (digest(f"{one:E}") == digest(f"{other:E}")) is (one == other)


def digest(number: str) -> str:
    return payload_hash(read_json("the body", f'{{"n": [{number}]}}'))
