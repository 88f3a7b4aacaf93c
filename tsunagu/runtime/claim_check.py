"""The claim check: a small JSON value travels in the message, a larger one waits in an object that the message names.

A reference pins version, size and SHA-256, so that what is read is what was kept, whatever became of the object.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tsunagu.contracts.claims import CONTENT_TYPE
from tsunagu.contracts.items import OUTBOX_AND_RESULT_BYTES
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, RetryableError
from tsunagu.runtime.json_text import JsonObject, json_text

_OUTBOX_BYTES = 8_192  # of a record that keeps parts: ids and attributes, no bodies
_STORED_FIELDS = {"key", "version_id", "sha256", "size", "content_type"}
_SHA256_CHARACTERS = 64


class ObjectMissingError(PermanentError):
    """The object, or the version that the message names, is not there."""


class ObjectDeniedError(RetryableError):
    """The object store refused: it counts as an attempt, so that nobody asks for ever.

    S3 says "denied" of what is missing too, to whoever may not list the bucket.
    """


class ObjectAlteredError(PermanentError):
    """The object is not what was kept."""


class PayloadTooLargeError(PermanentError):
    """The JSON is larger than the pipeline takes."""


class ObjectExistsError(Exception):
    """There is an object under this key."""


@dataclass(frozen=True, slots=True)
class Inline:
    """A JSON value that travels in the message.

    Attributes:
        value: The value.
    """

    value: Any

    def to_json(self) -> JsonObject:
        """Return the part as messages and records carry it."""
        return {"inline": self.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A JSON value that lies in an object.

    Attributes:
        key: Key of the object.
        version_id: Version that was written.
        sha256: SHA-256 of its bytes, in hexadecimal.
        size_bytes: Their number.
    """

    key: str
    version_id: str
    sha256: str
    size_bytes: int

    def to_json(self) -> JsonObject:
        """Return the part as messages and records carry it."""
        claim = {
            "key": self.key,
            "version_id": self.version_id,
            "sha256": self.sha256,
            "size": self.size_bytes,
            "content_type": CONTENT_TYPE,
        }
        return {"claim": claim}


Part = Inline | Stored


@dataclass(frozen=True, slots=True)
class KeptObject:
    """What is known of an object without its body.

    Attributes:
        version_id: Its newest version.
        sha256: SHA-256 that the store knows of it, in hexadecimal; None when it was written without.
    """

    version_id: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object whose body was not read yet.

    Attributes:
        size_bytes: Length of the body.
        read: Returns the body; raises `UnavailableError` when it does not arrive.
    """

    size_bytes: int
    read: Callable[[], bytes]


class ObjectStore(Protocol):
    """Keeps objects, each write of a key a version of its own.

    Every method raises `UnavailableError` when the store is throttled or gone, and `ObjectDeniedError` when it refuses.
    """

    def put(self, key: str, body: bytes, sha256: str) -> str:
        """Write an object that is not there yet; return its version.

        Raises:
            ObjectExistsError: It is there.
        """
        ...

    def find(self, key: str) -> KeptObject:
        """Return what is known of an object.

        Raises:
            ObjectMissingError: It is not there.
        """
        ...

    def open(self, key: str, version_id: str) -> OpenObject:
        """Return one version of an object, to be read.

        Raises:
            ObjectMissingError: It is not there.
        """
        ...


class ClaimCheck:
    """Keeps JSON values, and redeems what was kept.

    Args:
        store: Where objects are.
        largest_bytes: Largest JSON that is kept or redeemed.
    """

    def __init__(self, store: ObjectStore, *, largest_bytes: int) -> None:
        self._store = store
        self._largest_bytes = largest_bytes

    def keep(self, value: object, key: str, *, inline_bytes: int) -> Part:
        """Return `value` as a part: inline, or written to an object.

        Writing the same value again gives the same part: the answer to the first write may have been lost.

        Args:
            value: A JSON value.
            key: Key of the object.
            inline_bytes: Largest JSON, in UTF-8, that travels in the message.

        Raises:
            InvalidMessageError: It is no JSON value.
            PayloadTooLargeError: It is larger than is kept.
            ObjectAlteredError: Something else is under the key.
            ObjectDeniedError: The store refused.
            UnavailableError: The store did not answer.
        """
        body = json_text(value).encode()
        if len(body) > self._largest_bytes:
            msg = f"a payload must have at most {self._largest_bytes:,} bytes of JSON, got {len(body):,}"
            raise PayloadTooLargeError(msg)
        if len(body) <= inline_bytes:
            return Inline(value)
        sha256 = hashlib.sha256(body).hexdigest()
        try:
            version_id = self._store.put(key, body, sha256)
        except ObjectExistsError:
            version_id = self._own_version(key, sha256)
        return Stored(key=key, version_id=version_id, sha256=sha256, size_bytes=len(body))

    def redeem(self, part: Part) -> Any:
        """Return the JSON value of a part.

        Raises:
            ObjectMissingError: Its object is not there.
            ObjectAlteredError: Its object has another size or another SHA-256 than was kept, or is no JSON.
            PayloadTooLargeError: It is larger than is redeemed; nothing was read.
            ObjectDeniedError: The store refused.
            UnavailableError: The store did not answer.
        """
        if isinstance(part, Inline):
            return part.value
        if part.size_bytes > self._largest_bytes:
            msg = f"{part.key} must have at most {self._largest_bytes:,} bytes, got {part.size_bytes:,}"
            raise PayloadTooLargeError(msg)
        found = self._store.open(part.key, part.version_id)
        if found.size_bytes != part.size_bytes:
            msg = f"{part.key} must have the {part.size_bytes:,} bytes that were kept, got {found.size_bytes:,}"
            raise ObjectAlteredError(msg)
        body = found.read()
        if hashlib.sha256(body).hexdigest() != part.sha256:
            msg = f"{part.key} must have the SHA-256 of what was kept, got another one"
            raise ObjectAlteredError(msg)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            msg = f"{part.key} must hold JSON, got {type(error).__name__}"
            raise ObjectAlteredError(msg) from None

    def _own_version(self, key: str, sha256: str) -> str:
        found = self._store.find(key)
        if found.sha256 != sha256:
            msg = f"{key} must not exist before it is written, got an object with other content"
            raise ObjectAlteredError(msg)
        return found.version_id


def part_from_json(place: str, value: object) -> Part:
    """Read a part of a message or a record.

    Args:
        place: What the part is, for the error.
        value: The part, as `to_json` gave it.

    Raises:
        InvalidMessageError: It is no part.
    """
    if isinstance(value, dict) and value.keys() == {"inline"}:
        return Inline(value["inline"])
    claim = value.get("claim") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(claim, dict) or not _is_claim(claim):
        msg = f"{place} must be an inline value or a claim with {sorted(_STORED_FIELDS)}, got {_fields(value, claim)}"
        raise InvalidMessageError(msg)
    return Stored(key=claim["key"], version_id=claim["version_id"], sha256=claim["sha256"], size_bytes=claim["size"])


def inline_limit(inline_bytes: int, *, parts_of_record: int = 1) -> int:
    """Return the largest JSON that may travel inline, so that a record holds all of its parts too.

    Args:
        inline_bytes: Largest JSON that travels in a message.
        parts_of_record: Parts that one record has.
    """
    return min(inline_bytes, (OUTBOX_AND_RESULT_BYTES - _OUTBOX_BYTES) // parts_of_record)


def _is_claim(claim: JsonObject) -> bool:
    texts = ("key", "version_id", "sha256")
    return (
        claim.keys() == _STORED_FIELDS
        and all(isinstance(claim[name], str) and claim[name] for name in texts)
        and len(claim["sha256"]) == _SHA256_CHARACTERS
        and type(claim["size"]) is int
        and claim["size"] >= 0
        and claim["content_type"] == CONTENT_TYPE
    )


def _fields(value: object, claim: object) -> str:
    fields = claim if isinstance(claim, dict) else value
    return f"the fields {sorted(map(str, fields))}" if isinstance(fields, dict) else type(fields).__name__
