"""From a business key and a payload to the identity of an item.

Message ids and FIFO deduplication ids are no keys: a redriven message has other ones, and the latter live five minutes.
"""

import hashlib
import json

from tsunagu.runtime.errors import InvalidMessageError

BusinessKey = str | int


def item_id(scope: str, key: object) -> str:
    """Return the item's id: scope and SHA-256 of the canonical key, so that `1` and `"1"` differ.

    Raises:
        InvalidMessageError: The key is empty, or neither text nor a whole number.
    """
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        msg = f"the business key must be text that is not empty, or a whole number, got {type(key).__name__}"
        raise InvalidMessageError(msg)
    return f"{scope}#{_digest(key)}"


def message_item_id(scope: str, message_id: str) -> str:
    """Return the id of the record of a message that has no business key."""
    return f"{scope}#message-id:{message_id}"


def mismatch_item_id(first_item_id: str, payload_hash: str) -> str:
    """Return the id of the record of a message that came under a key taken by another payload."""
    return f"{first_item_id}#payload:{payload_hash}"


def payload_hash(body: object) -> str:
    """Return the SHA-256 of a JSON value, whatever its white space and the order of its keys."""
    return _digest(body)


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
