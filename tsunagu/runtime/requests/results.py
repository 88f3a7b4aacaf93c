"""Results: staged in a bucket before the commit, and copied to their own keys after it.

1. An attempt writes its result under a key of its own, which has the fencing token.
2. The commit puts the copy into the outbox, together with the effect. A worker that lost its lease commits nothing, so
   what it staged is never copied.
3. The relay copies the result to the key that the gateway reads, then publishes the completion. Then the request is
   COMPLETED. So a caller who is shown SUCCEEDED finds the result.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from tsunagu.contracts.requests import ATTACHMENT_NAME, result_key, staging_key
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.json_text import json_text
from tsunagu.runtime.receiving.relay import AddressedMessage, OutboxSender
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.sending.outbox import Channel, Outbox
from tsunagu.runtime.sending.publish import SendResult

JSON_CONTENT_TYPE = "application/json"
TEXT_CONTENT_TYPE = "text/plain; charset=utf-8"
OCTETS_CONTENT_TYPE = "application/octet-stream"
_CONTENT_TYPE = re.compile(
    r"[!#$&^_.+A-Za-z0-9-]{1,64}/[!#$&^_.+A-Za-z0-9-]{1,64}(; ?[A-Za-z0-9_-]{1,32}=[!-:<-~]{1,64}){0,4}"
)


@dataclass(frozen=True, slots=True)
class Result:
    """A result that is no JSON, such as a CSV file or an image.

    Attributes:
        data: Bytes; or text, which is stored in UTF-8.
        content_type: Content type that the caller gets it with. Default: plain text for text, octets for bytes.

    Raises:
        TypeError: The data is neither bytes nor text.
        ValueError: The content type is malformed.
    """

    data: bytes | str
    content_type: str = ""

    def __post_init__(self) -> None:
        """Check the data and the content type."""
        data, content_type = cast("object", self.data), cast("object", self.content_type)  # whatever was handed over
        if not isinstance(data, bytes | bytearray | str):
            msg = f"data of a result must be bytes or text, got {type(data).__name__}"
            raise TypeError(msg)
        default = TEXT_CONTENT_TYPE if isinstance(data, str) else OCTETS_CONTENT_TYPE
        object.__setattr__(self, "content_type", content_type or default)
        if not isinstance(content_type, str) or not _CONTENT_TYPE.fullmatch(self.content_type):
            msg = "content_type of a result must be a media type such as text/csv, got text of another form"
            raise ValueError(msg)

    @property
    def content(self) -> bytes:
        """The bytes that are stored."""
        return self.data.encode() if isinstance(self.data, str) else bytes(self.data)


def check_attachment_name(name: object) -> str:
    """Return `name` if an attachment can have it.

    Raises:
        ValueError: It cannot.
    """
    if not isinstance(name, str) or not ATTACHMENT_NAME.fullmatch(name):
        msg = (
            "name of an attachment must be 1 to 64 letters, digits, dots, hyphens and underscores, and begin with a "
            "letter or digit, got another one"
        )
        raise ValueError(msg)
    return name


class ResultStore(Protocol):
    """Stores results."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object, in the place of one that may be there.

        Raises:
            PermanentError: It takes no such object.
            UnavailableError: It did not answer, or cannot be used now.
        """
        ...

    def copy(self, staged_key: str, key: str) -> SendResult:
        """Copy a staged object to its own key. No failure is raised. A copy that was made before counts as made."""
        ...


class Results:
    """Stages the results of requests, and puts their copies into the outbox.

    Args:
        store: Stores results. None: the API has no bucket, so a result is refused.
        scope: Scope of the requests.
    """

    def __init__(self, store: ResultStore | None, scope: str) -> None:
        self._store = store
        self._scope = scope

    def stage(self, record: RequestRecord, outbox: Outbox, results: Mapping[str, Result], *, fencing_token: int) -> str:
        """Write results under keys of this attempt, and put their copies into the outbox.

        Args:
            record: The record of the request.
            outbox: Outbox of the request.
            results: The result under an empty name, and attachments under theirs.
            fencing_token: That of the attempt.

        Returns:
            What the item keeps of the results: their names, content types and sizes, as JSON; empty if there are none.

        Raises:
            PermanentError: There is a result, and no bucket for it; or the store takes no such object.
            UnavailableError: The store did not answer.
        """
        if not results:
            return ""
        if self._store is None:
            msg = "a function that returns a result must have a bucket for it, got none: set one for the API"
            raise PermanentError(msg)
        caller, request_id = record.caller, record.request_id
        for name, result in results.items():
            staged = staging_key(self._scope, caller, request_id, fencing_token=fencing_token, name=name)
            self._store.put(staged, result.content, result.content_type)
            outbox.keep_object(staged, result_key(self._scope, caller, request_id, name))
        return json_text(
            {name: {"content_type": each.content_type, "size": len(each.content)} for name, each in results.items()}
        )


class ResultSender:
    """Copies the results in outboxes, then sends the other messages.

    The messages of an item whose result was not copied are not sent: its completion must not be known before its
    result is there.

    Args:
        store: Stores results.
        sender: Sends messages.
    """

    def __init__(self, store: ResultStore, sender: OutboxSender) -> None:
        self._store = store
        self._sender = sender

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`, and return the results in the same order. No failure is raised."""
        copies: dict[int, SendResult] = {}
        failed: dict[str, SendResult] = {}
        for index, message in enumerate(messages):
            content = message.outbox_message
            if content.channel is Channel.OBJECT:
                copies[index] = self._store.copy(content.body, content.target)
                if copies[index].error is not None:
                    failed.setdefault(message.item.id, copies[index])
        others = [
            message for index, message in enumerate(messages) if index not in copies and message.item.id not in failed
        ]
        sent = iter(self._sender.send(others) if others else [])
        return [
            copies[index] if index in copies else failed.get(message.item.id) or next(sent)
            for index, message in enumerate(messages)
        ]
