"""A filter of the messages that a subscriber gets from a topic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tsunagu.cdk.props import CheckedProps
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
KEYS = range(1, 6)
_COMBINATIONS = 150


class FilterScope(StrEnum):
    """Part of the message that a filter policy reads."""

    ATTRIBUTES = "MessageAttributes"
    BODY = "MessageBody"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPolicy(CheckedProps):
    """Conditions that a message must meet to reach a subscriber. SNS does not deliver other messages.

    Attributes:
        conditions: Accepted values by name of a message attribute, or by field of the JSON body, which may be nested.
            A value is text, a number, or a matcher of SNS such as `{"exists": False}`. One to five names, and at most
            150 combinations of values.
        scope: Whether the names are attributes or fields of the body. Default: attributes.

    Raises:
        InvalidPropsError: There are too many names or combinations, or a name has no list of values.
    """

    conditions: Mapping[str, Any]
    scope: FilterScope = FilterScope.ATTRIBUTES

    def __post_init__(self) -> None:
        """Refuse a policy that SNS does not accept."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        accepted = list(_accepted(self.conditions))
        if len(accepted) not in KEYS:
            msg = f"conditions must have between {KEYS[0]} and {KEYS[-1]} names, got {len(accepted)}"
            raise InvalidPropsError(msg)
        combinations = 1
        for values in accepted:
            combinations *= len(values)
        if not 1 <= combinations <= _COMBINATIONS:
            msg = f"conditions must have between 1 and {_COMBINATIONS} combinations of values, got {combinations:,}"
            raise InvalidPropsError(msg)


def _accepted(conditions: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """Iterate over the lists of accepted values, at any depth."""
    for name, values in conditions.items():
        if isinstance(values, Mapping):
            yield from _accepted(values)
        elif isinstance(values, Sequence) and not isinstance(values, str):
            yield values
        else:
            msg = f"conditions must have a list of values for {name}, got {values!r}"
            raise InvalidPropsError(msg)
