"""Checks batch calls such as `SendMessageBatch` by the IAM action of the single call.

ministack checks an action with the name of the batch call. IAM has no such action
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html).
"""

from typing import Any

from .ministack_modules import iam_actions

_SINGLE_ACTIONS = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}


def install() -> None:
    """Check batch calls by the action of the single call."""
    extract_iam_action = iam_actions.extract_iam_action

    def extract_single_action(*request: Any) -> str | None:
        action: str | None = extract_iam_action(*request)
        return _SINGLE_ACTIONS.get(action, action) if action else None

    iam_actions.extract_iam_action = extract_single_action
