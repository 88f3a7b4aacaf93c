"""Trace contexts: X-Ray's header and the W3C `traceparent`, which say which trace a message is a part of.

* https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
* https://www.w3.org/TR/trace-context/#traceparent-header
"""

import os
import re

from tsunagu.contracts.telemetry import LogKey

HEADER_CHARACTERS = 512
_INVOCATION_VARIABLE = "_X_AMZN_TRACE_ID"  # Lambda sets it for each invocation

_ROOT = re.compile(r"(?:.*;)?\s*Root=([0-9a-f-]+)")
# SQS refuses a message whose header has another form, so only such a header of somebody else's is sent on.
_HEADER = re.compile(r"(?:[A-Za-z]+=[!-:<>-~]*;)*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;[A-Za-z]+=[!-:<>-~]*)*;?")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


def xray_header(value: object) -> str | None:
    """Return an X-Ray header that somebody gave us; None if SQS would not accept it as one."""
    if not isinstance(value, str) or len(value) > HEADER_CHARACTERS:
        return None
    header = value.replace(" ", "")
    return header if _HEADER.fullmatch(header) else None


def traceparent(value: object) -> str | None:
    """Return a W3C `traceparent`; None if it is malformed."""
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None


def header_of_traceparent(value: str | None) -> str | None:
    """Return the X-Ray header of a `traceparent`: the trace id is the same number, written in another way."""
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None:
        return None
    trace_id, parent, flags = match.groups()
    return f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={parent};Sampled={int(flags, 16) & 1}"


def invocation_header() -> str | None:
    """Return the X-Ray header of the invocation; None outside Lambda."""
    return os.environ.get(_INVOCATION_VARIABLE) or None


def trace_fields(header: str | None, parent: str | None = None) -> dict[str, str]:
    """Return the ids of a trace, by log key.

    Args:
        header: X-Ray header.
        parent: Well-formed `traceparent`. Its trace id has the key that OpenTelemetry's backends join by.
    """
    fields: dict[str, str] = {}
    root = _ROOT.match(header) if header else None
    if root:
        fields[LogKey.XRAY_TRACE_ID] = root[1]
    if parent:
        fields[LogKey.TRACE_ID] = parent.split("-")[1]
    return fields
