"""Imports the modules of ministack that the launcher extends. Check them before an update of ministack.

The import starts nothing. But ministack reads its environment variables while it is imported.
"""

from ministack import app  # type: ignore[import-not-found]
from ministack.core import (  # type: ignore[import-not-found]
    concurrency,
    iam_actions,
    iam_evaluator,
    lambda_runtime,
    responses,
    router,
)
from ministack.services import (  # type: ignore[import-not-found]
    apigateway,
    apigateway_v1,
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    ec2,
    eventbridge,
    iam,
    lambda_svc,
    pipes,
    s3,
    scheduler,
    sns,
    sqs,
    stepfunctions,
)
from ministack.services.cloudformation import provisioners  # type: ignore[import-not-found]

__all__ = [
    "apigateway",
    "apigateway_v1",
    "app",
    "cloudwatch",
    "cloudwatch_logs",
    "concurrency",
    "dynamodb",
    "ec2",
    "eventbridge",
    "iam",
    "iam_actions",
    "iam_evaluator",
    "lambda_runtime",
    "lambda_svc",
    "pipes",
    "provisioners",
    "responses",
    "router",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "stepfunctions",
]
