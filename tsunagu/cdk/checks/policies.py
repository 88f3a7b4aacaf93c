"""Reads policy documents in every form that IAM and CloudFormation take.

`Statement`, `Action`, `Principal` and the values of conditions may be one value or a list, any of them may be an
intrinsic function, and names have no case
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
"""

import fnmatch
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tsunagu.templates.intrinsics import UNKNOWN, alternatives, entries, is_intrinsic, text_of

ALLOW, DENY = "Allow", "Deny"
EVERYONE = EVERYTHING = "*"

# Keys that bound for whom a service acts.
_SOURCES = frozenset(
    {
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:principalorgid",
    }
)
# Keys that bound who calls, when the principal is everyone
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html, "public").
_CALLERS = _SOURCES | {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgpaths",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
}
_BOUNDING = {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
_EXCLUDING = {"stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotequals", "arnnotlike"}
_EXCLUDING |= {"notipaddress"}
_ANYTHING = {"*", "arn:*", "0.0.0.0/0", "::/0"}


class Condition(NamedTuple):
    """One comparison of a statement.

    Attributes:
        operator: Operator, in lower case.
        key: Condition key, in lower case.
        values: Values that it compares with, with `UNKNOWN` for what only the deployment knows.
    """

    operator: str
    key: str
    values: list[str]


class Statement:
    """One statement of a policy.

    Attributes:
        location: Its place within the document, such as `Statement/0`.
    """

    def __init__(self, location: str, body: Mapping[str, Any]) -> None:
        self.location = location
        self._body = body

    def has_effect(self, effect: str) -> bool:
        """Return whether the statement has an effect. An unknown effect is none."""
        return self._body.get("Effect") == effect

    def names_everyone(self) -> bool:
        """Return whether its principal is everyone, or everyone but those that it names."""
        return EVERYONE in self._principals("AWS") or (self.has_effect(ALLOW) and "NotPrincipal" in self._body)

    def names_services(self) -> bool:
        """Return whether it names a service of AWS."""
        return bool(self._principals("Service"))

    def allows_service(self, service: str, action: str) -> bool:
        """Return whether it allows a service an action, as far as it is known.

        Args:
            service: Principal of the service; one of another region or partition counts too.
            action: Action of IAM.
        """
        if not self.has_effect(ALLOW) or not self._names_action(action):
            return False
        name = service.partition(".")[0]
        services = {text.partition(".")[0] for text in self._principals("Service")}
        return bool(services & {name, EVERYONE} or any(UNKNOWN in text for text in services)) or (
            self.names_everyone() and not any(condition.key.startswith("kms:") for condition in self._conditions())
        )

    def actions(self) -> list[str]:
        """Return the actions that it names, or all when it names those that it leaves out."""
        return [EVERYTHING] if "NotAction" in self._body else _texts(self._body.get("Action"))

    def bounds_source(self) -> bool:
        """Return whether a condition bounds for whom a service acts."""
        return self._bounded_by(_SOURCES)

    def bounds_caller(self) -> bool:
        """Return whether a condition bounds who calls."""
        return self._bounded_by(_CALLERS)

    def refuses_strangers(self, other: "Statement") -> bool:
        """Return whether it denies what `other` allows to everyone but some callers."""
        if not self.has_effect(DENY) or not self.names_everyone():
            return False
        excludes = any(
            condition.key in _CALLERS and condition.operator.removesuffix("ifexists") in _EXCLUDING
            for condition in self._conditions()
        )
        return excludes and all(map(self._names_action, other.actions()))

    def _names_action(self, action: str) -> bool:
        if "NotAction" in self._body:
            return not _matches(action, _texts(self._body["NotAction"]))
        return _matches(action, _texts(self._body.get("Action")))

    def _principals(self, kind: str) -> list[str]:
        found: list[str] = []
        for principal in alternatives(self._body.get("Principal")):
            if isinstance(principal, dict) and not is_intrinsic(principal):
                found += _texts(principal.get(kind))
            elif kind == "AWS":
                found.append(text_of(principal))
        return found

    def _bounded_by(self, keys: frozenset[str] | set[str]) -> bool:
        return any(
            condition.key == UNKNOWN
            or (
                condition.key in keys
                and condition.operator.removeprefix("foranyvalue:") in _BOUNDING
                and not _ANYTHING.intersection(condition.values)
            )
            for condition in self._conditions()
        )

    def _conditions(self) -> Iterator[Condition]:
        """Iterate over the comparisons. One that only the deployment knows has the key `UNKNOWN`."""
        for operators in alternatives(self._body.get("Condition")):
            for operator, compared in _members(operators):
                for keys in alternatives(compared):
                    for key, values in _members(keys):
                        yield Condition(operator.lower(), key.lower(), _texts(values))


def read_policy(document: object) -> list[Statement] | None:
    """Return the statements of a policy; None when a part of it is known only at the deployment.

    Args:
        document: Policy document: an object, the text of one, or an intrinsic function.
    """
    found: list[Statement] = []
    for alternative in alternatives(_decoded(document)):
        if not isinstance(alternative, dict) or is_intrinsic(alternative):
            return None
        for location, body in _statements(alternative.get("Statement")):
            if not isinstance(body, dict) or is_intrinsic(body):
                return None
            found.append(Statement(location, body))
    return found


def _decoded(document: object) -> object:
    try:
        return json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return document


def _statements(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from ((f"Statement/{number}", body) for body in entries(entry))
    elif value is not None:
        yield from (("Statement", body) for body in entries(value))


def _members(value: object) -> Iterable[tuple[str, Any]]:
    """Return the members of an object; one that is unknown, when only the deployment knows it."""
    if isinstance(value, dict) and not is_intrinsic(value):
        return [(str(name), entry) for name, entry in value.items()]
    return [(UNKNOWN, {UNKNOWN: UNKNOWN})] if value is not None else []


def _texts(value: object) -> list[str]:
    return [text_of(entry) for entry in entries(value)]


def _matches(action: str, patterns: Iterable[str]) -> bool:
    """Return whether one of the patterns covers an action. A pattern with an unknown part covers all."""
    return any(UNKNOWN in pattern or fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
