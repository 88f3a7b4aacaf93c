"""Identifiers."""

import uuid

from tsunagu.runtime.clock import SystemClock, new_owner, new_request_id


def test_request_id_is_a_uuid_of_version_7_with_its_time() -> None:
    parsed = uuid.UUID(new_request_id(0x0123456789AB))

    assert (parsed.version, parsed.variant, parsed.int >> 80) == (7, uuid.RFC_4122, 0x0123456789AB)


def test_request_ids_sort_by_time_and_differ_within_a_moment() -> None:
    assert new_request_id(1) < new_request_id(2)
    assert new_request_id(1) != new_request_id(1)


def test_owners_differ() -> None:
    assert new_owner() != new_owner()


def test_system_clock_agrees_with_itself() -> None:
    clock = SystemClock()

    assert abs(clock.now_us() // 1_000 - clock.now_ms()) < 1_000
