"""Rules of values, which stand in the annotation of a prop: `memory_mib: Annotated[int, Between(128, 10_240, "MiB")]`.

A rule refuses a value that only the deployment knows, unless it says that such a value is accepted (`deployed`).
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tsunagu.cdk.props.kinds import shown
from tsunagu.cdk.props.tokens import is_known, require_known
from tsunagu.errors import InvalidPropsError

_DAY_SECONDS = 86_400


class Rule(Protocol):
    """A rule of a value whose kind is right."""

    def check(self, name: str, value: Any) -> None:
        """Refuse a value that breaks the rule.

        Raises:
            InvalidPropsError: It does; the message begins with `name`.
        """


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number within limits.

    Attributes:
        limits: Accepted values, in ascending order.
        unit: Unit of the number, for the error. Default: no unit.
        deployed: Whether a number is accepted that only the deployment knows. Default: it is refused.
    """

    limits: range
    unit: str = ""
    deployed: bool = False

    def check(self, name: str, value: Any) -> None:
        """Refuse a number outside of the limits."""
        if self.deployed and not is_known(value):
            return
        require_known(name, value)
        if value not in self.limits:
            suffix = f" {self.unit}" if self.unit else ""
            msg = f"{name} must be between {self.limits[0]:,} and {self.limits[-1]:,}{suffix}, got {value:,}"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration that is a whole number of seconds within limits. Other numbers are computed from it.

    Attributes:
        limits: Accepted seconds, in ascending order.
    """

    limits: range

    def check(self, name: str, value: Any) -> None:
        """Refuse a duration outside of the limits, or with a fraction of a second."""
        require_known(name, value)
        seconds = float(value.to_seconds(integral=False))
        if not seconds.is_integer():
            msg = f"{name} must be a whole number of seconds, got {seconds:,}"
            raise InvalidPropsError(msg)
        Between(self.limits, "seconds").check(name, int(seconds))


@dataclass(frozen=True, slots=True)
class Days:
    """A duration that is a whole number of days within limits.

    Attributes:
        limits: Accepted seconds, in ascending order.
    """

    limits: range

    def check(self, name: str, value: Any) -> None:
        """Refuse a duration outside of the limits, or with a fraction of a day."""
        Seconds(self.limits).check(name, value)
        if int(value.to_seconds()) % _DAY_SECONDS:
            msg = f"{name} must be a whole number of days, got {value.to_seconds():,} seconds"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a form.

    Attributes:
        form: The form of the whole text.
        words: The form in words, for the error.
        deployed: Whether a text is accepted that only the deployment knows. Default: it is refused.
    """

    form: re.Pattern[str]
    words: str
    deployed: bool = False

    def check(self, name: str, value: Any) -> None:
        """Refuse a text of another form."""
        if self.deployed and not is_known(value):
            return
        require_known(name, value)
        if not self.form.fullmatch(value):
            msg = f"{name} must be {self.words}, got {shown(value)}"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text that is one of some.

    Attributes:
        accepted: The texts that are accepted.
    """

    accepted: Sequence[str]

    def check(self, name: str, value: Any) -> None:
        """Refuse another text."""
        if value not in self.accepted:
            msg = f"{name} must be one of {', '.join(self.accepted)}, got {shown(value)}"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True)
class Unlike:
    """A text that is none of some, in lower case.

    Attributes:
        refused: Texts that are refused, in lower case.
        reason: Why they are refused, for the error.
    """

    refused: Collection[str]
    reason: str

    def check(self, name: str, value: Any) -> None:
        """Refuse one of the texts."""
        if value.lower() in self.refused:
            msg = f"{name} must not be {value}, because {self.reason}"
            raise InvalidPropsError(msg)
