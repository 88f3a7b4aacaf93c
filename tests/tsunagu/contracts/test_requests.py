"""Names and ids of accepted requests, and the status that a caller is shown."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import (
    REQUEST_ID,
    SHARDS,
    STAGING_PREFIX,
    ShownStatus,
    caller_and_request_id,
    completion_body,
    delivery_id,
    given_request_id,
    open_partition,
    open_partition_of,
    request_item_id,
    request_space,
    result_key,
    shown_reason,
    shown_status,
    staging_key,
)

NOW_MS = 1_800_000_000_000
CALLERS = st.text(min_size=1, max_size=80)
REQUEST_IDS = st.from_regex(REQUEST_ID, fullmatch=True)


@given(caller=CALLERS, request_id=REQUEST_IDS)
def test_caller_and_request_id_are_read_from_the_id_of_the_record(caller: str, request_id: str) -> None:
    assert caller_and_request_id("reports", request_item_id("reports", caller, request_id)) == (caller, request_id)


@given(one=st.tuples(CALLERS, REQUEST_IDS), other=st.tuples(CALLERS, REQUEST_IDS))
def test_requests_of_two_callers_or_ids_share_neither_record_nor_result(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    is_same = one == other

    assert (request_item_id("reports", *one) == request_item_id("reports", *other)) == is_same
    assert (result_key("reports", *one) == result_key("reports", *other)) == is_same


@pytest.mark.parametrize(
    "item_id",
    [
        None,
        7,
        "",
        "reports:request#",
        "reports:request#r-1",
        "reports:request#:r-1",
        "reports:request#alice:",
        "reports:request#alice:r 1",
        "reports:request#alice:r-1\n",
        "reports:request#alice:r-1#payload:",
        "others:request#alice:r-1",
        "reports@queue#alice:r-1",
        f"reports:request#{'é' * 1_015}:r-1",  # 2,050 bytes
    ],
)
def test_id_of_another_form_is_no_record_of_a_request(item_id: object) -> None:
    assert caller_and_request_id("reports", item_id) is None


@pytest.mark.parametrize("scope", ["", "a b", "a:b", "a#b", "a" * 65, "reports\n"])
def test_scope_that_could_be_another_key_space_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="scope must be 1 to 64"):
        request_space(scope)


@pytest.mark.parametrize(
    ("header", "request_id"),
    [
        ("r-1", "r-1"),
        ('"r-1"', "r-1"),
        ("A_z-9", "A_z-9"),
        ("a" * 128, "a" * 128),
        (f'"{"a" * 128}"', "a" * 128),
        ("", None),
        ('""', None),
        ('"', None),
        ('"r-1', None),
        ('r-1"', None),
        ('""r-1""', None),
        ("a" * 129, None),
        ("r 1", None),
        (" r-1", None),
        ("r-1\n", None),
        ("r.1", None),
        ("r:1", None),
        ("r/1", None),
        ("ré", None),
    ],
)
def test_bare_and_quoted_key_are_one_request_id_and_others_are_refused(header: str, request_id: str | None) -> None:
    assert given_request_id(header) == request_id


@pytest.mark.parametrize(("length", "is_taken"), [(21, False), (22, True)])
def test_key_of_an_open_api_is_long(length: int, is_taken: bool) -> None:
    assert (given_request_id("a" * length, is_public=True) is not None) == is_taken


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "RELEASED"}, ShownStatus.ACCEPTED),
        ({"status": "RELEASED", "fence": 1}, ShownStatus.ACCEPTED),
        ({"status": "RELEASED", "fence": 1, "attempts": 1}, ShownStatus.RETRYING),
        ({"status": "RELEASED", "fence": 1, "reason": "S3 did not answer"}, ShownStatus.RETRYING),
        ({"status": "INPROGRESS", "fence": 1, "lease": NOW_MS}, ShownStatus.RUNNING),
        ({"status": "INPROGRESS", "fence": 1, "lease": NOW_MS - 1}, ShownStatus.RETRYING),
        ({"status": "COMMITTED", "fence": 1}, ShownStatus.RUNNING),
        ({"status": "COMMITTED", "fence": 1, "is_given_up": True}, ShownStatus.FAILED),
        ({"status": "COMPLETED", "fence": 1}, ShownStatus.SUCCEEDED),
        ({"status": "COMPLETED", "fence": 1, "attempts": 2, "reason": "earlier"}, ShownStatus.SUCCEEDED),
        ({"status": "COMPLETED", "is_cancelled": True}, ShownStatus.CANCELLED),
        ({"status": "DEAD", "fence": 3, "attempts": 3, "reason": "r"}, ShownStatus.FAILED),
    ],
)
def test_shown_status(fields: dict[str, object], expected: ShownStatus) -> None:
    assert shown_status(now_ms=NOW_MS, **fields) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize("status", Status)
def test_only_an_ended_item_shows_an_end(status: Status) -> None:
    shown = shown_status(status=status, now_ms=NOW_MS, fence=1)

    is_end = shown in {ShownStatus.SUCCEEDED, ShownStatus.FAILED, ShownStatus.CANCELLED}
    assert is_end == (status in {Status.COMPLETED, Status.DEAD})


def test_published_reason_is_shown_in_the_place_of_the_reason() -> None:
    assert shown_reason("ValueError: secret", "ValueError") == "ValueError"
    assert shown_reason("the month must exist") == "the month must exist"


@given(caller=CALLERS, request_id=REQUEST_IDS)
def test_key_of_a_result_stays_within_its_caller_and_apart_from_what_is_staged(caller: str, request_id: str) -> None:
    key = result_key("reports", caller, request_id)
    staged = staging_key("reports", caller, request_id, fencing_token=3, name="chart.svg")

    scope, segment, own_id, last = key.split("/")
    assert (scope, own_id, last) == ("reports", request_id, "result")
    assert base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode() == caller
    assert staged == f"{STAGING_PREFIX}{key.removesuffix('result')}3/result/chart.svg"


@given(item_id=st.text())
def test_opened_record_is_in_one_of_the_partitions_that_the_sweeper_queries(item_id: str) -> None:
    assert open_partition_of("reports", item_id) in {open_partition("reports", digit) for digit in SHARDS}


def test_each_end_of_a_request_has_a_delivery_id_of_its_own() -> None:
    item_ids = [request_item_id("reports", caller, "r-1") for caller in ("alice", "bob")]
    endings = (ShownStatus.SUCCEEDED, ShownStatus.FAILED)

    ids = [delivery_id(item_id, ending, at) for item_id in item_ids for ending in endings for at in (0, NOW_MS)]

    assert len(set(ids)) == len(ids)
    assert ids == [delivery_id(item_id, ending, at) for item_id in item_ids for ending in endings for at in (0, NOW_MS)]


def test_completion_names_its_request() -> None:
    item_id = request_item_id("reports", "role:alice", "r-1")
    body = completion_body(
        scope="reports", item_id=item_id, ending=ShownStatus.FAILED, accepted_ms=NOW_MS, reason='a "quote"'
    )

    assert '"caller": "role:alice", "request_id": "r-1", "status": "FAILED"' in body
    assert '"reason": "a \\"quote\\""' in body
