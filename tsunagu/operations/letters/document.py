"""A dead letter as a JSON document, for `--filter`, `--json` and `show`."""

import base64
from datetime import UTC, datetime
from typing import Any

from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.runtime.sending.attribute import Attribute


def letter_document(opened: OpenedLetter) -> dict[str, Any]:
    """Return a letter as a JSON object: `body` is the payload, as JSON where it is JSON. Times are UTC."""
    letter = opened.letter
    return {
        "id": letter.id,
        "origin": opened.origin.value,
        "reason": opened.reason,
        "reason_kind": opened.reason_kind,
        "sent": utc(letter.sent_ms),
        "redriven": letter.redriven_count,
        "request_id": opened.request_id,
        "item_id": letter.item_id or None,
        "group": letter.delivery.group_id,
        "source": letter.source or letter.moved_from or opened.function_arn or None,
        "attributes": {name: _value(each) for name, each in letter.delivery.attributes.items()},
        "body": opened.body_json(),
    }


def utc(milliseconds: int) -> str:
    """Return a time in UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds / 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _value(attribute: Attribute) -> str:
    value = attribute.value
    return value if isinstance(value, str) else base64.b64encode(value).decode()
