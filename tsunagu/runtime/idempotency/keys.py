"""Keys: make the id of an item from a business key, and the hash of a payload.

SQS message ids and FIFO deduplication ids do not serve as keys: a redriven message has new ones, and SQS compares
deduplication ids for five minutes only.
"""

import hashlib

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import canonical_json

BusinessKey = str | int


def key_space(scope: str, queue_arn: str, shared_keys: str = "") -> str:
    """Return the first part of the ids of a receiver's items.

    By default the keys belong to the receiver: another queue with the same scope has other items.

    Args:
        scope: Name of the kind of message.
        queue_arn: The queue that the receiver consumes.
        shared_keys: Name under which receivers of several queues share their keys. Default: they do not.
    """
    return shared_keys or f"{scope}@{queue_arn.rsplit(':', 1)[-1]}"


def item_id(scope: str, key: object) -> str:
    """Return the id of an item: the key space, and the SHA-256 of the key as JSON, so that `1` and `"1"` differ.

    Args:
        scope: The key space: that of `key_space`, or a scope of a pipeline.
        key: The business key.

    Raises:
        InvalidMessageError: The key is empty, or it is neither text nor a whole number.
    """
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        msg = f"the business key must be text that is not empty, or a whole number, got {type(key).__name__}"
        raise InvalidMessageError(msg)
    return f"{scope}#{_digest(key)}"


def message_item_id(scope: str, message_id: str) -> str:
    """Return the id of the item of a message that has no business key, because it cannot be read."""
    return f"{scope}#message-id:{message_id}"


def mismatch_item_id(first_item_id: str, payload_hash: str) -> str:
    """Return the id of the item of a message whose business key was used before, with another payload."""
    return f"{first_item_id}#payload:{payload_hash}"


def unreadable_item_id(first_item_id: str, payload_hash: str) -> str:
    """Return the id of the item that counts the attempts of a message whose own item cannot be read."""
    return f"{first_item_id}#unreadable:{payload_hash}"


def payload_hash(body: object) -> str:
    """Return the SHA-256 of a JSON value.

    White space, the order of keys and the spelling of numbers make no difference; the exact value of numbers does.

    Raises:
        InvalidMessageError: The value is not JSON, or is nested too deep.
    """
    return _digest(body)


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
