"""HTTP answers: those of the application, stored beside their request, and those of our own."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts.web import REPLAYED_HEADER

Headers = tuple[tuple[bytes, bytes], ...]

BAD_REQUEST, CONFLICT, OTHER_PAYLOAD, SERVER_ERROR, UNAVAILABLE = 400, 409, 422, 500, 503
_TITLES = {
    BAD_REQUEST: "Bad Request",
    CONFLICT: "Conflict",
    OTHER_PAYLOAD: "Unprocessable Content",
    SERVER_ERROR: "Internal Server Error",
    UNAVAILABLE: "Service Unavailable",
}
# A cookie is a secret of one session, and these are of one connection.
_NOT_STORED = frozenset({b"set-cookie", b"date", b"connection", b"keep-alive", b"transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: Status code.
        headers: Names in lower case, with their values.
        body: The whole body.
    """

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def from_messages(cls, messages: Sequence[Any]) -> "Answer":
        """Return the answer that an ASGI application sent by these messages.

        Raises:
            RuntimeError: They are not one whole answer.
        """
        kinds = [message["type"] for message in messages]
        is_whole = kinds[:1] == ["http.response.start"] and not messages[-1].get("more_body", False)
        if not is_whole or set(kinds[1:]) != {"http.response.body"}:
            msg = f"an application must send one whole answer, got {kinds[:3]}"
            raise RuntimeError(msg)
        headers = tuple((bytes(name).lower(), bytes(value)) for name, value in messages[0].get("headers", ()))
        return cls(messages[0]["status"], headers, b"".join(message.get("body", b"") for message in messages[1:]))

    def messages(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the messages by which an ASGI application sends this answer."""
        start = {"type": "http.response.start", "status": self.status, "headers": [*self.headers]}
        return start, {"type": "http.response.body", "body": self.body}

    def encode(self) -> str:
        """Return the answer as JSON, as an item keeps it; without cookies, and headers of the connection."""
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers if name not in _NOT_STORED
        ]
        kept: dict[str, Any] = {"status": self.status, "headers": headers}
        try:
            kept["text"] = self.body.decode()
        except UnicodeDecodeError:
            kept["base64"] = base64.b64encode(self.body).decode()
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def decode(cls, text: str) -> "Answer":
        """Return an answer that was stored, marked as a repeated one.

        Raises:
            ValueError, KeyError, TypeError: The text is no stored answer.
        """
        kept = json.loads(text)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept["headers"]]
        body = base64.b64decode(kept["base64"]) if "base64" in kept else kept["text"].encode()
        return cls(int(kept["status"]), (*headers, (REPLAYED_HEADER.encode(), b"true")), body)


def problem(status: int, detail: str, *, retry_after_seconds: int | None = None) -> Answer:
    """Return an answer of our own, as RFC 9457 describes it.

    Args:
        status: Status code.
        detail: What was expected, and what was got.
        retry_after_seconds: When the caller may try again. Default: the answer does not say.
    """
    body = json.dumps({"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if retry_after_seconds is not None:
        headers.append((b"retry-after", str(retry_after_seconds).encode()))
    return Answer(status, tuple(headers), body)
