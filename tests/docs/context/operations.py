"""What the page about operations takes for granted."""

import boto3
from mypy_boto3_sqs import SQSClient

from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.operations.group_table import GroupTable
from tsunagu.operations.parked_groups import redrive_until_open
from tsunagu.operations.redrive import QueueTarget, redrive
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock

__all__ = [
    "GroupTable",
    "QueueTarget",
    "SqsDeadLetterSource",
    "SqsQueueSender",
    "SystemClock",
    "boto3",
    "redrive",
    "redrive_until_open",
]

sqs: SQSClient
dead_letter_queue_url: str
queue_url: str
queue_arn: str
idempotency_table_name: str
corrected_body: str
