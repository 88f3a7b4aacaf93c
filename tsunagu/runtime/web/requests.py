"""HTTP requests that take effect once: what a route sees of one, what its item is made from, and its refusals."""

import hashlib
import re
from dataclasses import dataclass

from tsunagu.contracts.messages import TRACEPARENT
from tsunagu.contracts.web import IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_KEY_LENGTHS
from tsunagu.runtime.idempotency.keys import payload_hash
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.sending.seal import Seal
from tsunagu.runtime.tracing import header_of_traceparent, invocation_header, traceparent, xray_header
from tsunagu.runtime.web.answers import Answer, Headers

_KEY = re.compile(r"[!-~]+")


class MissingIdempotencyKeyError(RuntimeError):
    """The HTTP request in hand has no `Idempotency-Key`, and the route asked for its outbox or its request."""


class RequestNotOpenedError(Exception):
    """The HTTP request in hand does not run: it is a repeated one, or its item cannot be opened.

    Its answer is ready, and replaces whatever the application answers.

    Attributes:
        answer: The answer that the caller gets.
    """

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer


class IdempotentRequest(Writes):
    """An HTTP request with an `Idempotency-Key`, as a route sees it.

    The writes and the messages that it collects are committed together with the answer, if that has a status below 400.
    Otherwise nothing of them happens, and the key can be used again.

    Args:
        claim: The item of the request, which this invocation holds.
        key: The `Idempotency-Key`.
        trace_header: X-Ray header of the request.
        traceparent: W3C trace context of the request.

    Attributes:
        key: The `Idempotency-Key`.
        request_id: Identifier that follows the request through every hop.
        fencing_token: Number that rises with each try of the request. Hand it to effects outside DynamoDB.
        outbox: What is sent once the answer is stored.
    """

    __slots__ = ("claim", "fencing_token", "key", "outbox", "request_id", "seal")

    def __init__(self, claim: Claim, key: str, trace_header: str | None, traceparent: str | None = None) -> None:
        self.seal = Seal()
        super().__init__(self.seal)
        self.claim = claim
        self.key = key
        self.request_id = claim.item.request_id
        self.fencing_token = claim.item.fence
        self.outbox = Outbox(self.request_id, trace_header, self.seal, traceparent=traceparent)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What an HTTP request is, as far as its item needs it.

    Attributes:
        method: Method, such as POST.
        path: Path, decoded.
        query: Query string, as it came.
        headers: Headers, with names in lower case.
        body: The whole body; empty if the request has no key, because nobody reads it then.
        caller: Who sent it, as the API's authorizer says.
        remaining_ms: Milliseconds until Lambda ends the invocation. None: it does not say.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes = b""
    caller: str = ""
    remaining_ms: int | None = None

    def has_key(self) -> bool:
        """Return whether the request has an `Idempotency-Key`, well formed or not."""
        return bool(self._values(IDEMPOTENCY_KEY_HEADER))

    def key(self) -> str | None:
        """Return the `Idempotency-Key`, with or without quotation marks around it; None if it is not well formed."""
        values = self._values(IDEMPOTENCY_KEY_HEADER)
        key = values[0].strip() if len(values) == 1 else ""
        if len(key) > 1 and key[0] == key[-1] == '"':
            key = key[1:-1]
        return key if len(key) in IDEMPOTENCY_KEY_LENGTHS and _KEY.fullmatch(key) else None

    def trace_header(self) -> str | None:
        """Return the X-Ray header: the one that API Gateway gives each request, or that of its `traceparent`."""
        values = self._values("x-amzn-trace-id")
        own = next((header for value in values if (header := xray_header(value)) is not None), None)
        return own or header_of_traceparent(self.traceparent()) or invocation_header()

    def traceparent(self) -> str | None:
        """Return the W3C trace context; None if the caller sent none that is well formed."""
        return next((parent for value in self._values(TRACEPARENT) if (parent := traceparent(value))), None)

    def payload_hash(self) -> str:
        """Return the hash of what the request asks for. Another request with the same key is refused."""
        body = hashlib.sha256(self.body).hexdigest()
        return payload_hash([self.method, self.path, self.query.decode("latin-1"), body])

    def _values(self, name: str) -> list[str]:
        return [value.decode("latin-1") for header, value in self.headers if header == name.encode()]
