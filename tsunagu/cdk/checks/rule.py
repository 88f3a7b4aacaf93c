"""A rule about templates, and its findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tsunagu.templates.template import Resource, Template


@dataclass(frozen=True, slots=True)
class Finding:
    """One resource that breaks a rule.

    Attributes:
        resource: The resource.
        location: Path of the property that is wrong or missing, such as `Properties/VisibilityTimeout`.
    """

    resource: Resource
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that every template must meet.

    Attributes:
        rule_id: Name of the rule in reports and acknowledgements.
        description: What goes wrong when a template breaks the rule.
        fix: What to do.
        find: Yields the findings in a template.
    """

    rule_id: str
    description: str
    fix: str
    find: Callable[[Template], Iterable[Finding]]
