"""The one sentence that every prop of a wrong type, and every number out of range, gets."""

from aws_cdk import Duration, Token

from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
FUNCTION_TIMEOUT_SECONDS = range(1, 901)


def check_range(name: str, value: int, limits: range, unit: str = "") -> None:
    """Accept `value` when it is within `limits`, or when only the deployment will know it.

    Args:
        name: Prop that the caller set.
        value: What it was set to.
        limits: Accepted values; its last one is the greatest.
        unit: What the number counts, for the sentence. Default: the prop's name tells.

    Raises:
        InvalidPropsError: The value is outside.
    """
    if Token.is_unresolved(value):
        return
    check_type(name, value, int)
    if value not in limits:
        suffix = f" {unit}" if unit else ""
        msg = f"{name} must be between {limits[0]:,} and {limits[-1]:,}{suffix}, got {value:,}"
        raise InvalidPropsError(msg)


def check_type(name: str, value: object, kind: type) -> None:
    """Accept `value` when it is a `kind`, so that a slip is a sentence and not an error from deep inside.

    Raises:
        InvalidPropsError: It is something else.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        msg = f"{name} must be of type {kind.__name__}, got {value!r}"
        raise InvalidPropsError(msg)


def check_seconds(name: str, value: Duration, limits: range) -> None:
    """Accept `value` when it is a whole number of seconds within `limits`.

    Raises:
        InvalidPropsError: The duration is outside, has a fraction of a second, or is known to the deployment only:
            other numbers are computed from it.
    """
    check_type(name, value, Duration)
    if value.is_unresolved():
        msg = f"{name} must be known when the app is synthesized, got a value that only the deployment knows"
        raise InvalidPropsError(msg)
    seconds = float(value.to_seconds(integral=False))
    if not seconds.is_integer():
        msg = f"{name} must be a whole number of seconds, got {seconds:,}"
        raise InvalidPropsError(msg)
    check_range(name, int(seconds), limits, "seconds")
