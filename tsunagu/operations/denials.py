"""What IAM refused: the action and the resource that a policy must allow."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsunagu.runtime.aws.sdk_errors import error_code

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

# Codes without the prefix that SQS and KMS give some.
_DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
)
# As IAM writes it: "User: arn:… is not authorized to perform: sqs:sendmessage on resource: arn:… because no …".
_DENIAL = re.compile(
    r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on(?: the)? resource:? (?P<resource>[^\s,]+))?"
)
_USER = re.compile(r"User: (?P<user>arn:\S+) is not")
_MISSING = (
    "NonExistentQueue",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
)


@dataclass(frozen=True, slots=True, order=True)
class Denial:
    """A call that IAM refused.

    Attributes:
        action: Action that the policy must allow, such as `sqs:GetQueueAttributes`.
        resource: Resource in the answer; "" where the answer names none.
        user: Who called; "" where the answer does not say.
    """

    action: str
    resource: str = ""
    user: str = ""

    def __str__(self) -> str:
        """Return action and resource, as an error or a report names them."""
        return f"not allowed: {self.action}{f' on {self.resource}' if self.resource else ''}"


def denial_of(error: "ClientError", client: "BaseClient | None" = None) -> Denial | None:
    """Return what IAM refused; None for another error.

    Args:
        error: The error of the call.
        client: Client that was called, which knows the action where the answer does not name it.
    """
    if _code(error) not in _DENIED:
        return None
    text = error.response["Error"].get("Message", "")
    called = error.operation_name
    service = client.meta.service_model.signing_name if client is not None else ""
    found, user = _DENIAL.search(text), _USER.search(text)
    return Denial(
        action=_cased(found["action"], called) if found else ":".join(filter(None, (service, called))),
        resource=(found["resource"] or "") if found else "",
        user=user["user"] if user else "",
    )


def is_missing(error: "ClientError") -> bool:
    """Whether the resource of a call does not exist."""
    return _code(error) in _MISSING


def _code(error: "ClientError") -> str:
    return error_code(error).rpartition(".")[2]


def _cased(action: str, called: str) -> str:
    """Return the action as policies write it: SQS answers `sqs:sendmessage`."""
    service, _, name = action.partition(":")
    return f"{service}:{called}" if name.lower() == called.lower() else action
