"""Answers a denied call with HTTP 400 where the service's protocol is JSON over POST, as AWS does.

ministack answers 403. API Gateway selects an integration response by this status
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
"""

from typing import Any

from .ministack_modules import iam_actions

BAD_REQUEST = 400
# Services that AWS's documentation of common errors lists with 400. SSM and Logs have it in ministack.
_SERVICES = frozenset({"dynamodb", "events", "kms", "secretsmanager", "states"})

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Answer 400 for denials of these services. What failed authentication keeps the status of ministack."""
    access_denied_response = iam_actions.access_denied_response

    def deny(service: str, *rest: Any, **named: Any) -> Answer:
        status, headers, body = access_denied_response(service, *rest, **named)
        is_denial = service in _SERVICES and not named.get("error_code")
        return (BAD_REQUEST if is_denial else status), headers, body

    iam_actions.access_denied_response = deny
