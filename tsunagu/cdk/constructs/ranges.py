"""Checks of the types and ranges of props, with one form of error."""

from aws_cdk import Duration, Token

from tsunagu.errors import InvalidPropsError

DAY_SECONDS = 86_400
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
FUNCTION_TIMEOUT_SECONDS = range(1, 901)


def check_range(name: str, value: int, limits: range, unit: str = "") -> None:
    """Refuse a value outside `limits`. A token, which only the deployment resolves, is accepted.

    Args:
        name: Name of the prop.
        value: Value of the prop.
        limits: Accepted values, in ascending order.
        unit: Unit of the number, for the error. Default: no unit.

    Raises:
        InvalidPropsError: The value is outside `limits`, or is not an int.
    """
    if Token.is_unresolved(value):
        return
    check_type(name, value, int)
    if value not in limits:
        suffix = f" {unit}" if unit else ""
        msg = f"{name} must be between {limits[0]:,} and {limits[-1]:,}{suffix}, got {value:,}"
        raise InvalidPropsError(msg)


def check_type(name: str, value: object, kind: type) -> None:
    """Refuse a value that is not a `kind`, before it fails deep inside the CDK.

    Raises:
        InvalidPropsError: The value is of another type.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        msg = f"{name} must be of type {kind.__name__}, got {value!r}"
        raise InvalidPropsError(msg)


def check_seconds(name: str, value: Duration, limits: range) -> None:
    """Refuse a duration that is not a whole number of seconds within `limits`.

    Raises:
        InvalidPropsError: The duration is outside `limits`, has a fraction of a second, or is a token, from which no
            other numbers can be computed.
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
