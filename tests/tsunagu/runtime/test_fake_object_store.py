"""The fake object store keeps the contract of the real one."""

import pytest

from tests.tsunagu.runtime.object_store_contract import ObjectStoreContract
from tsunagu.runtime.claim_check import ObjectStore
from tsunagu.testing.fakes import FakeObjectStore


class TestFakeObjectStore(ObjectStoreContract):
    @pytest.fixture
    def object_store(self) -> ObjectStore:
        return FakeObjectStore()
