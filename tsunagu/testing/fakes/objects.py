"""The object store."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tsunagu.runtime.claim_check import KeptObject, ObjectExistsError, ObjectMissingError, OpenObject

AnswerT = TypeVar("AnswerT")


@dataclass
class FakeObjectStore:
    """Versions of objects by key; `before` and `after` hold errors that the next call of a method raises."""

    versions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    before: dict[str, BaseException] = field(default_factory=dict)
    after: dict[str, BaseException] = field(default_factory=dict)
    bodies_read: int = 0

    def put(self, key: str, body: bytes, sha256: str) -> str:
        """Write a new object."""
        assert hashlib.sha256(body).hexdigest() == sha256
        return self._faulty("put", lambda: self._put(key, body))

    def find(self, key: str) -> KeptObject:
        """Find the newest version of an object."""
        return self._faulty("find", lambda: self._find(key))

    def open(self, key: str, version_id: str) -> OpenObject:
        """Open one version of an object."""
        return self._faulty("open", lambda: self._open(key, version_id))

    def overwrite(self, key: str, body: bytes) -> str:
        """Write another version, as somebody else may."""
        versions = self.versions.setdefault(key, {})
        version_id = f"v{len(versions) + 1}"
        versions[version_id] = body
        return version_id

    def _faulty(self, method: str, call: Callable[[], AnswerT]) -> AnswerT:
        if method in self.before:
            raise self.before.pop(method)
        answer = call()
        if method in self.after:
            raise self.after.pop(method)
        return answer

    def _put(self, key: str, body: bytes) -> str:
        if key in self.versions:
            raise ObjectExistsError(key)
        return self.overwrite(key, body)

    def _find(self, key: str) -> KeptObject:
        if key not in self.versions:
            raise ObjectMissingError(key)
        *_, (version_id, body) = self.versions[key].items()
        return KeptObject(version_id, hashlib.sha256(body).hexdigest())

    def _open(self, key: str, version_id: str) -> OpenObject:
        try:
            body = self.versions[key][version_id]
        except KeyError:
            raise ObjectMissingError(key) from None

        def read() -> bytes:
            self.bodies_read += 1
            return body

        return OpenObject(len(body), read)
