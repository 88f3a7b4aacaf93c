"""Kinds of props that several constructs have, and checks against limits that depend on other props."""

import re
from typing import Annotated

from aws_cdk import Duration

from tsunagu.cdk.props import Between, Seconds, Text, check_value

DAY_SECONDS = 86_400
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
FUNCTION_TIMEOUT_SECONDS = range(1, 901)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace
_NAMESPACE = re.compile(r"(?!AWS/)(?!:)(?=.*\S)[A-Za-z0-9._/#: -]{1,255}")

WINDOW_SECONDS = range(1, 10 * 365 * DAY_SECONDS + 1)  # of an item after its last change

FunctionTimeout = Annotated[Duration, Seconds(FUNCTION_TIMEOUT_SECONDS)]
IdempotencyWindow = Annotated[Duration, Seconds(WINDOW_SECONDS)]
MetricsNamespace = Annotated[
    str,
    Text(_NAMESPACE, "1 to 255 letters, digits, spaces and any of ._/#:- without AWS/ at its start", deployed=True),
]


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
    check_value(name, value, Annotated[int, Between(limits, unit, deployed=True)])


def check_type(name: str, value: object, kind: type) -> None:
    """Refuse an argument that is not a `kind`, before it fails deep inside the CDK. Props need no call: see `props`.

    Raises:
        InvalidPropsError: The value is of another type.
    """
    check_value(name, value, kind)


def check_seconds(name: str, value: Duration, limits: range) -> None:
    """Refuse a duration that is not a whole number of seconds within `limits`.

    Raises:
        InvalidPropsError: The duration is outside `limits`, has a fraction of a second, or is a token, from which no
            other numbers can be computed.
    """
    check_value(name, value, Annotated[Duration, Seconds(limits)])
