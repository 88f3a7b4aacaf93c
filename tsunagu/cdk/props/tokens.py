"""Tells whether synthesis knows a value. What it does not know is a token, a stand-in of the CDK until deployment.

A token looks like a number or a text, so it is never compared with one: it is passed on, or refused.
"""

import math
from typing import Any

from tsunagu.errors import InvalidPropsError

_TEXT_MARKS = ("${Token[", "#{Token[")
UNKNOWN = "a value that only the deployment knows"


def is_known(value: object) -> bool:
    """Whether synthesis knows `value`: a text, a number, a `Duration` or any other object.

    Only what can be a token is asked for: a text with the mark of one, a float, or an object that can say so itself.
    """
    if isinstance(value, str):
        return not any(mark in value for mark in _TEXT_MARKS)
    if isinstance(value, float) and math.isfinite(value):  # the CDK's process ends on other numbers
        from aws_cdk import Token  # noqa: PLC0415 - handler packages are checked without aws_cdk

        return not Token.is_unresolved(value)
    asked = getattr(value, "is_unresolved", None)
    return not (callable(asked) and asked())


def require_known(name: str, value: Any) -> None:
    """Refuse a value that other values or names are computed from, where synthesis does not know it.

    Raises:
        InvalidPropsError: Only the deployment knows the value.
    """
    if not is_known(value):
        msg = f"{name} must be known when the app is synthesized, got {UNKNOWN}"
        raise InvalidPropsError(msg)
