"""The fake object store keeps the contract of the real one."""

import pytest

from lambdas.runtime.claim_check import ObjectStore
from tests.lambdas.runtime.object_store_contract import ObjectStoreContract
from tests.lambdas.runtime.objects import FakeObjectStore


class TestFakeObjectStore(ObjectStoreContract):
    @pytest.fixture
    def object_store(self) -> ObjectStore:
        return FakeObjectStore()
