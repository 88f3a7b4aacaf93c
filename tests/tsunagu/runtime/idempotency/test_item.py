"""The item as it was read."""

import pytest

from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.item import Item

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("expiration", "has_expired"),
    [(0, False), (1, True), (NOW_MS // 1_000 - 1, True), (NOW_MS // 1_000, False), (NOW_MS // 1_000 + 1, False)],
)
def test_item_expires_after_its_time_and_never_where_it_has_none(expiration: int, has_expired: bool) -> None:
    item = Item(id="i", status=Status.RELEASED, owner="", fence=0, lease=0, expiration=expiration)

    assert item.has_expired(NOW_MS) == has_expired
