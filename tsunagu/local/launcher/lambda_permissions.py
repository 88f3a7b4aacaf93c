"""Checks calls about a function's concurrency, events and mappings by their own IAM action.

ministack 1.5.33 checks a read of the concurrency as a write, a read of one mapping as a list, and reads of the
configuration of events as `GetFunction`. Writes of mappings and of events are not checked.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

# ruff: noqa: SLF001 - the package's docstring says why

import re

from .ministack_modules import iam_actions

_METHODS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "POST": "Update"}
_ONE_MAPPING = re.compile(r"/event-source-mappings/[^/]+/?$")
_EVENTS = re.compile(r"/functions/[^/]+/event-invoke-config/?$")
_CONCURRENCY = re.compile(r"/functions/[^/]+/concurrency/?$")


def install() -> None:
    """Give these calls their own actions."""
    lambda_action = iam_actions._lambda_action

    def own_action(method: str, path: str) -> str | None:
        verb = _METHODS.get(method, "Get")
        if _ONE_MAPPING.search(path):
            return f"{'Update' if method == 'PUT' else verb}EventSourceMapping"
        if _EVENTS.search(path):
            return f"{verb}FunctionEventInvokeConfig"
        if _CONCURRENCY.search(path):
            return f"{verb}FunctionConcurrency"
        action: str | None = lambda_action(method, path)
        return action

    iam_actions._lambda_action = own_action
