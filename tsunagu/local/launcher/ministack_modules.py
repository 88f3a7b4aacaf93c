"""Imports the modules of ministack that the launcher extends. Check them before an update of ministack.

The import starts nothing. But ministack reads its environment variables while it is imported.
"""

from ministack import app  # type: ignore[import-not-found]
from ministack.core import (  # type: ignore[import-not-found]
    iam_actions,
    iam_evaluator,
    lambda_runtime,
    responses,
    router,
)
from ministack.services import (  # type: ignore[import-not-found]
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    lambda_svc,
    s3,
    sns,
    sqs,
)
from ministack.services.cloudformation import provisioners  # type: ignore[import-not-found]

__all__ = [
    "app",
    "cloudwatch",
    "cloudwatch_logs",
    "dynamodb",
    "iam_actions",
    "iam_evaluator",
    "lambda_runtime",
    "lambda_svc",
    "provisioners",
    "responses",
    "router",
    "s3",
    "sns",
    "sqs",
]
