"""The caller of an HTTP request, as the authorizer of its API names it."""

from collections.abc import Mapping
from typing import Any

_NOBODY: Mapping[str, Any] = {}


def caller_of(event: object) -> str:
    """Return who sent a request. Empty: the API has no authorizer, or it names nobody.

    * JWT: issuer and subject of the token
    * IAM: the ARN of the user or role; the session of a role is left out, because it changes
    * Cognito: issuer and subject of the token
    * Lambda: its `principalId`; of an HTTP API, the `principalId` or `sub` of its context

    Args:
        event: The event of Lambda.
    """
    context = _object(_object(event).get("requestContext"))
    authorizer = _object(context.get("authorizer"))
    for claims in (_object(_object(authorizer.get("jwt")).get("claims")), _object(authorizer.get("claims"))):
        if subject := _text(claims, "sub"):
            return f"{_text(claims, 'iss')} {subject}"
    user = _text(_object(authorizer.get("iam")), "userArn") or _text(_object(context.get("identity")), "userArn")
    if user:
        return _without_session(user)
    own = _object(authorizer.get("lambda"))
    return _text(authorizer, "principalId") or _text(own, "principalId") or _text(own, "sub")


def _without_session(arn: str) -> str:
    """Return the ARN of an assumed role without the name of its session."""
    return arn.rpartition("/")[0] if ":assumed-role/" in arn else arn


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOBODY


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
