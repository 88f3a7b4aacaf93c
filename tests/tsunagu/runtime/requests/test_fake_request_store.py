"""The fake keeps the contract that DynamoDB keeps."""

import pytest

from tests.tsunagu.runtime.requests.request_store_contract import RequestStoreContract, RequestTable
from tsunagu.testing.requests import FakeRequestStore


class TestFakeRequestStore(RequestStoreContract):
    @pytest.fixture
    def table(self) -> RequestTable:
        store = FakeRequestStore()
        return RequestTable(store, store)
