"""Accepted requests: attribute names of their records, ids, keys of results, and the status that a caller is shown.

The record of a request is its idempotency item: `contracts.items` has the attributes that every item has. The gateway
writes the record, before a worker knows of it; worker, sweeper and gateway change it by conditional writes.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum

from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.contracts.items import ID_BYTES, KEY_SPACE_NAME, Status

KIND = "kind"
CALLER = "caller"
BODY = "body"  # the text, as it was received: numbers are exact, and the signature of a webhook can be checked
CONTENT_TYPE = "content_type"
HEADERS = "headers"  # a map of texts: those that the API was told to keep, their names in lower case
TRACE = "trace"  # X-Ray header of the HTTP request; empty where it had none
ACCEPTED = "accepted"  # milliseconds since the epoch, as all times here
PROGRESS = "progress"
CANCELLED = "cancelled"  # when the caller cancelled it; then the status is COMPLETED, and no worker ever had it
REOPENED = "reopened"  # when the redriven message of a failed request was claimed
RESENDS = "resends"  # how often the sweeper sent it again
RESENT = "resent"  # when it did so last
# When the sweeper took the record out of the index. A repeated POST writes `open` and `due` again. If the record was
# closed after it was opened, the sweeper takes it out once more, and publishes nothing.
CLOSED = "closed"

REQUEST_KIND = "REQUEST"

# Output of a stack with such an API. `tsunagu up` then shows no line that sends to its queues.
API_NAME_OUTPUT = "RequestApiName"

# An item has 409,600 bytes at most. Body, headers, outbox and result may have these together; ids, reasons and message
# ids have the rest. The gateway refuses a body that is larger, because its record could not even fail.
KEPT_BYTES = 390_000
# The largest body by default. It leaves room for an outbox of 100 KB.
BODY_BYTES = 262_144

# Expiration of a record whose request has not ended, in seconds since the epoch: it must not expire before. It is the
# end of the year 9999. The gateway writes none. Who ends a request writes the real one.
NO_EXPIRATION = 253_402_300_799

OPEN_INDEX = "OpenIndex"  # of the records that the sweeper looks at: by `open` and `due`, keys only
OPEN = "open"
DUE = "due"  # when the sweeper looks at it next
SHARDS = "0123456789abcdef"

# The body of a message in the queue of the requests, as pipe and sweeper send it, has this key and nothing else.
REQUEST_KEY = "request_key"
# An event of a gateway that invokes the function asynchronously has this key, with the version of its format.
EVENT_MARK = "tsunagu_request"
EVENT_VERSION = 1

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
PUBLIC_REQUEST_ID_LENGTH = 22  # at least, where nobody is authenticated: 128 bits in Base64
PUBLIC_CALLER = "public"
ATTACHMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PROGRESS_CHARACTERS = 256
# What is staged is not committed yet. No scope has a dot, so that one life-cycle rule deletes what was staged, and
# nothing else.
STAGING_PREFIX = ".staging/"

# Message attributes of a completion, besides that of the request id.
DELIVERY_ID_ATTRIBUTE = "tsunagu_delivery_id"
REQUEST_STATUS_ATTRIBUTE = "tsunagu_request_status"


class ShownStatus(StrEnum):
    """Status of a request, as its caller is shown it."""

    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


def shown_status(
    *,
    status: str,
    now_ms: int,
    fence: int = 0,
    lease: int = 0,
    attempts: int = 0,
    reason: str = "",
    is_cancelled: bool = False,
    is_given_up: bool = False,
) -> ShownStatus:
    """Return the status that a caller is shown. The gateway's template follows the same rule.

    Args:
        status: Status of the item.
        now_ms: The time, in milliseconds since the epoch.
        fence: Fencing token of the item; 0 before the first claim.
        lease: When the lease ends, in milliseconds since the epoch.
        attempts: Attempts that failed or were killed.
        reason: Reason of the item.
        is_cancelled: Whether the item has the attribute `cancelled`.
        is_given_up: Whether the item has message ids in `told`. A COMMITTED item has some when its result could not be
            stored, or its completion not be published, however often this was tried. A redrive tries it again.
    """
    if is_cancelled:
        return ShownStatus.CANCELLED
    if status == Status.COMPLETED:
        return ShownStatus.SUCCEEDED
    if status == Status.DEAD:
        return ShownStatus.FAILED
    if status == Status.COMMITTED:
        return ShownStatus.FAILED if is_given_up else ShownStatus.RUNNING
    if status == Status.INPROGRESS:
        return ShownStatus.RUNNING if lease >= now_ms else ShownStatus.RETRYING
    was_tried = fence > 0 and (attempts > 0 or reason != "")
    return ShownStatus.RETRYING if was_tried else ShownStatus.ACCEPTED


def shown_reason(reason: str, published_reason: str = "") -> str:
    """Return the reason that a caller is shown while the status is RETRYING or FAILED: the published one, if any."""
    return published_reason or reason


def request_space(scope: str) -> str:
    """Return the key space of the requests of a scope. The colon makes it differ from every other key space.

    Raises:
        ValueError: The scope is malformed.
    """
    if not KEY_SPACE_NAME.fullmatch(scope):
        msg = f"scope must be 1 to 64 letters, digits, hyphens and underscores, got {scope!r}"
        raise ValueError(msg)
    return f"{scope}:request"


def request_item_id(scope: str, caller: str, request_id: str) -> str:
    """Return the id of the record of a request. Each caller has ids of its own."""
    return f"{request_space(scope)}#{caller}:{request_id}"


def caller_and_request_id(scope: str, item_id: object) -> tuple[str, str] | None:
    """Return caller and request id of a record, by its id; None if no record of the scope has such an id.

    A caller may have colons in its name, a request id has none. DynamoDB takes no longer id: it refuses the whole call.
    """
    prefix = f"{request_space(scope)}#"
    if not isinstance(item_id, str) or not item_id.startswith(prefix) or len(item_id.encode()) > ID_BYTES:
        return None
    caller, colon, request_id = item_id.removeprefix(prefix).rpartition(":")
    return (caller, request_id) if caller and colon and REQUEST_ID.fullmatch(request_id) else None


def given_request_id(header: str, *, is_public: bool = False) -> str | None:
    """Return the request id that an `Idempotency-Key` header gives; None if it is malformed.

    Its bare form and its quoted form (a string of structured fields, RFC 9651) are one key.

    Args:
        header: Text of the header.
        is_public: Whether nobody is authenticated. Then the id must be long, because to know it is the right to see
            the request.
    """
    bare = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not REQUEST_ID.fullmatch(bare) or (is_public and len(bare) < PUBLIC_REQUEST_ID_LENGTH):
        return None
    return bare


def open_partition(scope: str, digit: str) -> str:
    """Return a partition of the index of open requests: one of 16, by a hexadecimal digit in lower case."""
    return f"{request_space(scope)}#{digit}"


def open_partition_of(scope: str, item_id: str) -> str:
    """Return the partition of a record that the gateway did not write, or that is opened again."""
    return open_partition(scope, hashlib.sha256(item_id.encode()).hexdigest()[0])


def message_body(item_id: str) -> str:
    """Return the body of the message that tells a worker of a request."""
    return json.dumps({REQUEST_KEY: item_id})


def result_key(scope: str, caller: str, request_id: str, name: str = "") -> str:
    """Return the key of the result of a request, or of the attachment `name` of its result."""
    return f"{_request_prefix(scope, caller, request_id)}result{f'/{name}' if name else ''}"


def staging_key(scope: str, caller: str, request_id: str, *, fencing_token: int, name: str = "") -> str:
    """Return the key under which one attempt stages a result, until it is committed."""
    prefix = f"{STAGING_PREFIX}{_request_prefix(scope, caller, request_id)}"
    return f"{prefix}{fencing_token}/result{f'/{name}' if name else ''}"


def caller_segment(caller: str) -> str:
    """Return the part of a key that names the caller: its name in Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(caller.encode()).decode().rstrip("=")


def delivery_id(item_id: str, ending: ShownStatus, reopened_ms: int = 0) -> str:
    """Return the id of a completion. A completion that is published twice has the same id both times.

    Args:
        item_id: Id of the record.
        ending: How the request ended.
        reopened_ms: When it was reopened last, in milliseconds since the epoch; 0 where it never was, and for
            SUCCEEDED, which no request is twice.
    """
    return hashlib.sha256(f"{item_id}/{ending}/{reopened_ms}".encode()).hexdigest()[:32]


def completion_body(
    *, scope: str, item_id: str, ending: ShownStatus, accepted_ms: int, reason: str = "", reopened_ms: int = 0
) -> str:
    """Return the body of the message that tells how a request ended.

    Args:
        scope: Scope of the request.
        item_id: Id of its record.
        ending: SUCCEEDED, FAILED or CANCELLED.
        accepted_ms: When it was accepted, in milliseconds since the epoch.
        reason: Why it failed, as the caller is shown it; for FAILED alone.
        reopened_ms: When it was reopened last, in milliseconds since the epoch; 0 where it never was, and for
            SUCCEEDED, which no request is twice.
    """
    caller, request_id = caller_and_request_id(scope, item_id) or ("", "")
    body = {
        "delivery_id": delivery_id(item_id, ending, reopened_ms),
        "scope": scope,
        "caller": caller,
        "request_id": request_id,
        "status": ending,
        "accepted": accepted_ms,
        **({"reason": reason} if reason else {}),
    }
    return json.dumps(body)


def _request_prefix(scope: str, caller: str, request_id: str) -> str:
    return f"{scope}/{caller_segment(caller)}/{request_id}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEnvironment(EnvironmentContract):
    """The environment of a worker of accepted requests, besides `ReceiverEnvironment`.

    Attributes:
        request_scope: Scope of the requests: first part of the ids of their records.
        result_bucket_name: Bucket of the results. Default: none, and a function that returns one fails.
        completion_topic_arn: Topic that is notified when a request ended. Default: none.
    """

    request_scope: str
    result_bucket_name: str = ""
    completion_topic_arn: str = ""
