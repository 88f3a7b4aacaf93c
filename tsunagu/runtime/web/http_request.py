"""One HTTP request in hand: its item is opened when a route asks for it, and settled by the answer.

It is not opened before. So the application has already authenticated the caller, and a route that asks for neither
outbox nor request costs nothing.
"""

import threading
from collections.abc import Callable

from tsunagu.runtime.errors import described
from tsunagu.runtime.web.answers import BAD_REQUEST, SERVER_ERROR, Answer, problem
from tsunagu.runtime.web.request_items import RequestConfig, RequestItem, RequestPorts
from tsunagu.runtime.web.requests import (
    IdempotentRequest,
    MissingIdempotencyKeyError,
    RequestFacts,
    RequestNotOpenedError,
)

NO_KEY = (
    "a request must have an Idempotency-Key to write or to send: nothing would deliver it again after a failure, "
    "got a request without"
)


class HttpRequest:
    """One HTTP request.

    Args:
        facts: Reads the request. It is called if a route asks for the request.
        config: Names and numbers.
        ports: The services.

    Attributes:
        is_held: Whether the answer must wait until it is settled.
        is_answering: Whether the application has begun to answer before the item was opened. Then it is too late.
    """

    __slots__ = (
        "_caller",
        "_config",
        "_facts",
        "_is_without_key",
        "_lock",
        "_opened",
        "_ports",
        "_read_facts",
        "_refusal",
        "is_answering",
        "is_held",
    )

    def __init__(self, facts: Callable[[], RequestFacts], config: RequestConfig, ports: RequestPorts) -> None:
        self.is_held = False
        self.is_answering = False
        self._read_facts = facts
        self._facts: RequestFacts | None = None
        self._config = config
        self._ports = ports
        self._lock = threading.Lock()  # the dependencies of a route may run in several threads
        self._caller = ""
        self._opened: tuple[RequestItem, IdempotentRequest] | None = None
        self._refusal: RequestNotOpenedError | None = None
        self._is_without_key = False

    @property
    def is_refused(self) -> bool:
        """Whether the caller gets an answer of ours, whatever the application raised."""
        return self._refusal is not None or self._is_without_key

    def open(self, caller: str | None = None) -> IdempotentRequest:
        """Open the item of the request, or return the request that was opened before.

        Args:
            caller: Who has the key. Default: whom the API's authorizer names.

        Raises:
            MissingIdempotencyKeyError: The request has no key.
            RequestNotOpenedError: It is a repeated request, or its item cannot be opened.
            RuntimeError: The answer has begun; or another caller opened the request.
        """
        with self._lock:
            facts = self._facts = self._facts or self._read_facts()
            whose = facts.caller if caller is None else caller
            if self._refusal is not None:
                raise self._refusal
            if self._opened is None:
                self._opened = self._open(facts, whose)
            if self._caller != whose:
                msg = "a request must be opened for one caller, got another one"
                raise RuntimeError(msg)
            return self._opened[1]

    def answered(self, answer: Answer) -> Answer:
        """Settle the request by the answer of the application; return the answer that the caller gets."""
        try:
            if self._refusal is not None:
                return self._refusal.answer
            if self._is_without_key:  # an application may catch the error, and do without
                return problem(BAD_REQUEST, NO_KEY) if answer.status >= SERVER_ERROR else answer
            if self._opened is None:
                return answer
            item, request = self._opened
            if answer.status < BAD_REQUEST:
                return item.commit(request, answer)
            item.release(request, f"answered with {answer.status}")
            return answer
        finally:
            self._ports.metrics.flush()

    def failed(self, error: BaseException) -> Answer | None:
        """Settle a request whose application raised; return the answer that the caller gets instead of an error."""
        try:
            if self._refusal is not None:
                return self._refusal.answer
            if self._is_without_key:
                return problem(BAD_REQUEST, NO_KEY)
            if self._opened is not None:
                item, request = self._opened
                item.release(request, described(error))
            return None
        finally:
            self._ports.metrics.flush()

    def _open(self, facts: RequestFacts, caller: str) -> tuple[RequestItem, IdempotentRequest]:
        if self.is_answering:
            msg = "a request must be opened before its answer begins, got a call after"
            raise RuntimeError(msg)
        self.is_held = True
        if not facts.has_key():
            self._is_without_key = True
            raise MissingIdempotencyKeyError(NO_KEY)
        item = RequestItem(facts, caller, self._config, self._ports)
        try:
            request = item.claim()
        except RequestNotOpenedError as refusal:
            self._refusal = refusal
            raise
        self._caller = caller
        return item, request
