"""The shape of a rule and of what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tsunagu.cdk.checks.template import Resource, Template


@dataclass(frozen=True, slots=True)
class Finding:
    """One resource that breaks a rule.

    Attributes:
        resource: The resource.
        location: The property that is wrong or missing, such as `Properties/VisibilityTimeout`.
    """

    resource: Resource
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that every template must satisfy.

    Attributes:
        rule_id: Name that reports show and that an acknowledgement names.
        description: What goes wrong where the rule is broken.
        fix: What to do about it.
        find: Yields what breaks the rule in a template.
    """

    rule_id: str
    description: str
    fix: str
    find: Callable[[Template], Iterable[Finding]]
