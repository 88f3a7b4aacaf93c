"""What the page about tracing takes for granted."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

from tsunagu import Message
from tsunagu.cdk import IdempotentReceiver

__all__ = ["lambda_", "self"]

self: Stack
topic: Any
receiver: IdempotentReceiver
otel_layer_arn: str
message: Message
