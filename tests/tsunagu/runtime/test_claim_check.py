"""The claim check: what is kept inline, what in an object, and which error each fault of an object raises."""

import dataclasses
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tsunagu.runtime.claim_check import (
    ClaimCheck,
    Inline,
    ObjectAlteredError,
    ObjectMissingError,
    PayloadTooLargeError,
    Stored,
    inline_limit,
    part_from_json,
)
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, UnavailableError
from tsunagu.runtime.json_text import json_text, read_json
from tsunagu.testing.fakes import FakeObjectStore

KEY = "orders/request/run/request.json"
INLINE_BYTES = 100
LARGEST_BYTES = 1_000
SMALL = {"order_id": "7"}
LARGE = {"order_id": "7", "note": "n" * 200}

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=60),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def objects() -> FakeObjectStore:
    return FakeObjectStore()


@pytest.fixture
def claim_check(objects: FakeObjectStore) -> ClaimCheck:
    return ClaimCheck(objects, largest_bytes=LARGEST_BYTES)


def kept(claim_check: ClaimCheck) -> Stored:
    part = claim_check.keep(LARGE, KEY, inline_bytes=INLINE_BYTES)
    assert isinstance(part, Stored)
    return part


@given(value=JSON_VALUES, inline_bytes=st.sampled_from([0, 20, 10_000]))
def test_every_json_value_comes_back_as_it_was_kept_by_way_of_a_message(value: Any, inline_bytes: int) -> None:
    claim_check = ClaimCheck(FakeObjectStore(), largest_bytes=100_000)

    message = json_text(claim_check.keep(value, KEY, inline_bytes=inline_bytes).to_json())

    assert claim_check.redeem(part_from_json("the request", json.loads(message))) == value


@given(value=JSON_VALUES)
@example(value="\ufffe\uffff")
@example(value={"\ufffe": "\x00\n\ud7ff\ue000"})
def test_sqs_takes_every_character_of_the_text(value: Any) -> None:
    text = json_text(value)

    assert all(character >= " " and character not in "\ufffe\uffff" for character in text)
    assert json.loads(text) == value


@pytest.mark.parametrize(("size_bytes", "kind"), [(INLINE_BYTES, Inline), (INLINE_BYTES + 1, Stored)])
def test_threshold_counts_bytes_of_utf_8(claim_check: ClaimCheck, size_bytes: int, kind: type) -> None:
    two_bytes_a_character = "é" * ((size_bytes - 2) // 2) + "x" * (size_bytes % 2)

    assert isinstance(claim_check.keep(two_bytes_a_character, KEY, inline_bytes=INLINE_BYTES), kind)


@pytest.mark.parametrize(
    ("wanted_bytes", "parts", "bytes_"), [(65_536, 1, 65_536), (307_200, 1, 307_200), (307_200, 3, 123_936)]
)
def test_what_travels_inline_fits_the_item_that_keeps_it_too(wanted_bytes: int, parts: int, bytes_: int) -> None:
    assert inline_limit(wanted_bytes, parts_of_item=parts) == bytes_


def test_small_value_is_not_written_to_an_object(claim_check: ClaimCheck, objects: FakeObjectStore) -> None:
    assert claim_check.redeem(claim_check.keep(SMALL, KEY, inline_bytes=INLINE_BYTES)) == SMALL
    assert objects.versions == {}


def test_largest_payload_is_kept_and_a_larger_one_is_refused(claim_check: ClaimCheck, objects: FakeObjectStore) -> None:
    claim_check.keep("x" * (LARGEST_BYTES - 2), KEY, inline_bytes=INLINE_BYTES)

    with pytest.raises(PayloadTooLargeError, match="at most 1,000 bytes of JSON, got 1,001"):
        claim_check.keep("x" * (LARGEST_BYTES - 1), "another", inline_bytes=INLINE_BYTES)

    assert [*objects.versions] == [KEY]


def test_write_whose_answer_was_lost_is_recognised(claim_check: ClaimCheck, objects: FakeObjectStore) -> None:
    first = claim_check.keep(LARGE, KEY, inline_bytes=INLINE_BYTES)

    assert claim_check.keep(LARGE, KEY, inline_bytes=INLINE_BYTES) == first
    assert len(objects.versions[KEY]) == 1


def test_object_with_other_content_under_the_key_is_refused(claim_check: ClaimCheck, objects: FakeObjectStore) -> None:
    objects.overwrite(KEY, b"{}")

    with pytest.raises(ObjectAlteredError, match="must not exist before it is written"):
        claim_check.keep(LARGE, KEY, inline_bytes=INLINE_BYTES)


def test_object_overwritten_since_is_read_in_the_version_that_was_kept(
    claim_check: ClaimCheck, objects: FakeObjectStore
) -> None:
    part = kept(claim_check)
    objects.overwrite(KEY, b"{}")

    assert claim_check.redeem(part) == LARGE


def test_deleted_object_is_a_permanent_error(claim_check: ClaimCheck, objects: FakeObjectStore) -> None:
    part = kept(claim_check)
    objects.versions.clear()

    with pytest.raises(ObjectMissingError) as raised:
        claim_check.redeem(part)
    assert isinstance(raised.value, PermanentError)


def test_object_of_the_same_size_and_other_content_is_altered(
    claim_check: ClaimCheck, objects: FakeObjectStore
) -> None:
    part = kept(claim_check)
    objects.versions[KEY][part.version_id] = json_text(LARGE).replace("7", "8").encode()

    with pytest.raises(ObjectAlteredError, match="SHA-256"):
        claim_check.redeem(part)


def test_object_of_another_size_is_altered_and_its_body_is_not_read(
    claim_check: ClaimCheck, objects: FakeObjectStore
) -> None:
    part = kept(claim_check)
    objects.versions[KEY][part.version_id] += b" "

    with pytest.raises(ObjectAlteredError, match="bytes that were kept, got"):
        claim_check.redeem(part)
    assert objects.bodies_read == 0


def test_claim_on_too_large_an_object_is_refused_before_the_store_is_asked(claim_check: ClaimCheck) -> None:
    part = dataclasses.replace(kept(claim_check), size_bytes=LARGEST_BYTES + 1)

    with pytest.raises(PayloadTooLargeError, match="at most 1,000 bytes, got 1,001"):
        claim_check.redeem(part)


@pytest.mark.parametrize("text", ["no json", *REFUSED_TEXTS], ids=repr)
def test_object_that_is_not_strict_json_is_altered(objects: FakeObjectStore, text: str | bytes) -> None:
    claim_check = ClaimCheck(objects, largest_bytes=1_000_000)
    body = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    version_id = objects.overwrite(KEY, body)
    digest = hashlib.sha256(body).hexdigest()
    part = Stored(key=KEY, version_id=version_id, sha256=digest, size_bytes=len(body))

    with pytest.raises(ObjectAlteredError, match="must hold JSON"):
        claim_check.redeem(part)


@pytest.mark.parametrize("method", ["open", "put"])
def test_store_that_does_not_answer_is_not_an_error_of_the_message(
    claim_check: ClaimCheck, objects: FakeObjectStore, method: str
) -> None:
    part = kept(claim_check)
    objects.before[method] = UnavailableError("gone")

    with pytest.raises(UnavailableError):
        claim_check.redeem(part) if method == "open" else claim_check.keep(LARGE, "another", inline_bytes=INLINE_BYTES)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), "\ud800", {1, 2}, b"bytes", {("a",): 1}],
    ids=lambda value: type(value).__name__,
)
def test_value_that_is_not_json_is_refused(claim_check: ClaimCheck, value: object) -> None:
    with pytest.raises(InvalidMessageError, match="the value must be JSON"):
        claim_check.keep(value, KEY, inline_bytes=INLINE_BYTES)


def test_value_that_is_nested_too_deep_is_refused(claim_check: ClaimCheck) -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(InvalidMessageError, match="too deep a nesting"):
        claim_check.keep(value, KEY, inline_bytes=INLINE_BYTES)


CLAIM = Stored(key=KEY, version_id="v1", sha256="0" * 64, size_bytes=7).to_json()["claim"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        {"inline": 1, "claim": CLAIM},
        {"claim": None},
        {"claim": {**CLAIM, "bucket": "another"}},
        {"claim": {name: value for name, value in CLAIM.items() if name != "version_id"}},
        {"claim": {**CLAIM, "version_id": ""}},
        {"claim": {**CLAIM, "key": 7}},
        {"claim": {**CLAIM, "sha256": "00"}},
        {"claim": {**CLAIM, "size": -1}},
        {"claim": {**CLAIM, "size": True}},
        {"claim": {**CLAIM, "size": "7"}},
        {"claim": {**CLAIM, "content_type": "text/plain"}},
    ],
)
def test_value_that_is_not_a_part_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(InvalidMessageError, match="the request must be an inline value or a claim"):
        part_from_json("the request", value)


@pytest.mark.parametrize("inline_bytes", [0, 1_000])
def test_numbers_are_kept_with_all_digits(claim_check: ClaimCheck, inline_bytes: int) -> None:
    kept_part = claim_check.keep({"a": Decimal("12345678901234567.89")}, KEY, inline_bytes=inline_bytes)

    part = part_from_json("the request", read_json("the message", json_text(kept_part.to_json())))

    assert json_text(claim_check.redeem(part)) == '{"a":12345678901234567.89}'
