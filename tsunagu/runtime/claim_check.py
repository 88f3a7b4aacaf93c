"""The claim check: keeps JSON values that are too large for a message in objects, and reads them again.

A small value travels in the message. For a larger one, the message has a claim: key, version, size and SHA-256 of an
object. These are compared when the object is read, so that a changed object is noticed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tsunagu.contracts.claims import CONTENT_TYPE
from tsunagu.contracts.items import OUTBOX_AND_RESULT_BYTES
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, RetryableError
from tsunagu.runtime.json_text import JsonObject, json_text, read_json

_OUTBOX_BYTES = 8_192  # of an item that keeps parts: ids and attributes of messages, without bodies
_STORED_FIELDS = {"key", "version_id", "sha256", "size", "content_type"}
_SHA256_CHARACTERS = 64


class ObjectMissingError(PermanentError):
    """The object, or its version, does not exist."""


class ObjectDeniedError(RetryableError):
    """The object store denied access. This counts as an attempt, so that the message is dead-lettered in the end.

    S3 also answers "denied" for an object that does not exist, if the caller may not list the bucket.
    """


class ObjectAlteredError(PermanentError):
    """The object has another content than the one that was kept."""


class PayloadTooLargeError(PermanentError):
    """The JSON is larger than the pipeline allows."""


class ObjectExistsError(Exception):
    """An object with this key exists."""


@dataclass(frozen=True, slots=True)
class Inline:
    """A JSON value in the message.

    Attributes:
        value: The value.
    """

    value: Any

    def to_json(self) -> JsonObject:
        """Return the part as messages and items contain it."""
        return {"inline": self.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A JSON value in an object.

    Attributes:
        key: Key of the object.
        version_id: Version of the object.
        sha256: SHA-256 of its bytes, in hexadecimal.
        size_bytes: Number of its bytes.
    """

    key: str
    version_id: str
    sha256: str
    size_bytes: int

    def to_json(self) -> JsonObject:
        """Return the part as messages and items contain it."""
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
    """An object, without its body.

    Attributes:
        version_id: Its newest version.
        sha256: SHA-256 that the store keeps with it, in hexadecimal; None when it was written without one.
    """

    version_id: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object whose body has not been read yet.

    Attributes:
        size_bytes: Length of the body.
        read: Returns the body, or raises `UnavailableError`.
    """

    size_bytes: int
    read: Callable[[], bytes]


class ObjectStore(Protocol):
    """Keeps objects. Each write of a key makes a new version.

    Every method raises `UnavailableError` when the store throttles or does not answer, and `ObjectDeniedError` when it
    denies access.
    """

    def put(self, key: str, body: bytes, sha256: str) -> str:
        """Write an object that does not exist yet; return its version.

        Raises:
            ObjectExistsError: An object with this key exists.
        """
        ...

    def find(self, key: str) -> KeptObject:
        """Return an object, without its body.

        Raises:
            ObjectMissingError: It does not exist.
        """
        ...

    def open(self, key: str, version_id: str) -> OpenObject:
        """Open one version of an object for reading.

        Raises:
            ObjectMissingError: It does not exist.
        """
        ...


class ClaimCheck:
    """Keeps JSON values, and redeems them.

    Args:
        store: Keeps the objects.
        largest_bytes: Largest JSON that is kept or redeemed, in bytes of UTF-8.
    """

    def __init__(self, store: ObjectStore, *, largest_bytes: int) -> None:
        self._store = store
        self._largest_bytes = largest_bytes

    def keep(self, value: object, key: str, *, inline_bytes: int) -> Part:
        """Return `value` as a part: inline, or written to an object.

        To keep the same value again returns the same part. So a call whose answer was lost can be repeated.

        Args:
            value: A JSON value.
            key: Key of the object.
            inline_bytes: Largest JSON that travels in the message, in bytes of UTF-8.

        Raises:
            InvalidMessageError: The value is not JSON.
            PayloadTooLargeError: The JSON is larger than `largest_bytes`.
            ObjectAlteredError: An object with other content has this key.
            ObjectDeniedError: The store denied access.
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
            ObjectMissingError: The object does not exist.
            ObjectAlteredError: The object has another size or SHA-256 than the claim, or `read_json` refuses it.
            PayloadTooLargeError: The object is larger than `largest_bytes`; nothing was read.
            ObjectDeniedError: The store denied access.
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
            return read_json(part.key, body)
        except InvalidMessageError as error:
            msg = f"an object must hold JSON that can be read: {error}"
            raise ObjectAlteredError(msg) from None

    def _own_version(self, key: str, sha256: str) -> str:
        found = self._store.find(key)
        if found.sha256 != sha256:
            msg = f"{key} must not exist before it is written, got an object with other content"
            raise ObjectAlteredError(msg)
        return found.version_id


def part_from_json(place: str, value: object) -> Part:
    """Read a part of a message or an item.

    Args:
        place: Name of the part, for the error.
        value: The part, as `to_json` returned it.

    Raises:
        InvalidMessageError: The value is not a part.
    """
    if isinstance(value, dict) and value.keys() == {"inline"}:
        return Inline(value["inline"])
    claim = value.get("claim") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(claim, dict) or not _is_claim(claim):
        msg = f"{place} must be an inline value or a claim with {sorted(_STORED_FIELDS)}, got {_fields(value, claim)}"
        raise InvalidMessageError(msg)
    return Stored(key=claim["key"], version_id=claim["version_id"], sha256=claim["sha256"], size_bytes=claim["size"])


def inline_limit(inline_bytes: int, *, parts_of_item: int = 1) -> int:
    """Return the largest JSON that may travel inline, in bytes, so that an item has room for all its parts.

    Args:
        inline_bytes: Largest JSON that travels in a message, in bytes of UTF-8.
        parts_of_item: Number of parts that one item keeps.
    """
    return min(inline_bytes, (OUTBOX_AND_RESULT_BYTES - _OUTBOX_BYTES) // parts_of_item)


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
