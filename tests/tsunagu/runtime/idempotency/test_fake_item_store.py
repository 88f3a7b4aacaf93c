"""The fake item store, which other tests use, keeps the contract of item stores."""

import pytest

from tests.tsunagu.runtime.idempotency.item_store_contract import Effects, ItemStoreContract
from tsunagu.testing.fakes import FakeItemStore


class TestFakeItemStore(ItemStoreContract):
    @pytest.fixture
    def store(self) -> FakeItemStore:
        return FakeItemStore()

    @pytest.fixture
    def table_name(self) -> str:
        return "effects"

    @pytest.fixture
    def effects(self, store: FakeItemStore) -> Effects:
        return lambda: store.effects
