"""Cursors of a list: where its next page begins. A caller hands one back as it is.

A cursor is no secret, and gives no access: it has the id of the last order that its reader saw.
"""

import base64
import binascii
import hashlib

_VERSION = b"1"  # of the form; a cursor of another one is refused
_DIGEST_BYTES = 6


class InvalidCursorError(ValueError):
    """The text is no cursor of this list."""


def encode(order_id: str) -> str:
    """Return the cursor of the page after an order."""
    place = order_id.encode()
    return base64.urlsafe_b64encode(_digest(place) + place).decode().rstrip("=")


def decode(cursor: str) -> str:
    """Return the order after which a page begins.

    Raises:
        InvalidCursorError: The text is no cursor, or was changed. The error does not have the text.
    """
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, place = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        order_id = place.decode()
    except (binascii.Error, ValueError):
        digest, order_id = b"", ""
    if not order_id or encode(order_id) != cursor or digest != _digest(order_id.encode()):
        msg = "a cursor must be the next_cursor of a page of this list, as it was, got another text"
        raise InvalidCursorError(msg)
    return order_id


def _digest(place: bytes) -> bytes:
    return hashlib.sha256(_VERSION + place).digest()[:_DIGEST_BYTES]
