"""The contract of object stores: the fake and the S3 store must pass the same tests."""

import hashlib

import pytest

from tsunagu.runtime.claim_check import ObjectExistsError, ObjectMissingError, ObjectStore

KEY = "orders/request/run/request.json"
BODY = b'{"order_id":"7"}'
DIGEST = hashlib.sha256(BODY).hexdigest()


class ObjectStoreContract:
    def test_object_is_read_as_it_was_written(self, object_store: ObjectStore) -> None:
        version_id = object_store.put(KEY, BODY, DIGEST)

        found = object_store.open(KEY, version_id)

        assert (found.size_bytes, found.read()) == (len(BODY), BODY)

    def test_existing_object_is_not_written_again(self, object_store: ObjectStore) -> None:
        version_id = object_store.put(KEY, BODY, DIGEST)
        other = b"{}"

        with pytest.raises(ObjectExistsError):
            object_store.put(KEY, other, hashlib.sha256(other).hexdigest())

        assert object_store.open(KEY, version_id).read() == BODY

    def test_existing_object_is_found_with_its_version_and_digest(self, object_store: ObjectStore) -> None:
        version_id = object_store.put(KEY, BODY, DIGEST)

        found = object_store.find(KEY)

        assert (found.version_id, found.sha256) == (version_id, DIGEST)

    def test_missing_object_raises_an_error(self, object_store: ObjectStore) -> None:
        with pytest.raises(ObjectMissingError):
            object_store.find(KEY)
        with pytest.raises(ObjectMissingError):
            object_store.open(KEY, "0b011852-5095-48fa-bee5-b491583e7f2c")

    def test_missing_version_raises_an_error(self, object_store: ObjectStore) -> None:
        object_store.put(KEY, BODY, DIGEST)

        with pytest.raises(ObjectMissingError):
            object_store.open(KEY, "0b011852-5095-48fa-bee5-b491583e7f2c")
