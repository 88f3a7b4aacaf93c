"""Reasons of dead letters, without what differs from letter to letter."""

import re

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_NUMBER = r"[+-]?\d+(?:[,_]\d{3})*(?:\.\d+)?(?![\w-])"
_HEXADECIMAL = r"\b[0-9a-fA-F]{16,}\b"
_WORD = r"[A-Za-z_][\w./:@#-]*\d[\w./:@#-]*|\d[\w-]*[A-Za-z_][\w-]*"
_TOKEN = re.compile(
    rf"(?P<kept>\b(?:HTTP|status|code)\s?[:=]?\s?[1-5]\d\d\b)|(?P<time>{_TIME})|(?P<id>{_UUID}|{_HEXADECIMAL})"
    rf"|(?<![\w.-])(?P<number>{_NUMBER})|(?<![\w.-])(?P<word>{_WORD})"
)
# Names of things rather than ids: S3, UTF-8, HTTP/2, AES256.
_NAME = re.compile(r"[A-Z][A-Z/-]*\d(?:\d\d)?")


def reason_kind(reason: str) -> str:
    """Return a reason with `N` for each number, and `…` for each id and time, so that those of one kind are equal.

    A status of HTTP stays: `HTTP 404` and `HTTP 500` are two kinds.
    """
    return _TOKEN.sub(_without, " ".join(reason.split()))


def _without(found: "re.Match[str]") -> str:
    if found["kept"] or (found["word"] and _NAME.fullmatch(found["word"])):
        return found[0]
    return "N" if found["number"] else "…"
