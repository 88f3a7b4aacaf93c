"""The desk: each order has its effect, fails or kills the process, as it says."""

import functools
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from tsunagu import Message, PermanentError, message_handler

from .environment import DeskEnvironment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

COUNT = "ADD effects :one SET recorded_at = :now, deliveries = :deliveries"
REPAIRED = "REPAIRED"


@dataclass(frozen=True, slots=True)
class Order:
    """What the desk is to do.

    Attributes:
        key: The business key.
        action: `work`, `kill`, `fail`, `refuse` until the desk is repaired, `tell` a task, or `beat` for it before.
        token: The task to tell.
    """

    key: str
    action: str = "work"
    token: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where effects happen."""

    environment: DeskEnvironment
    client: "DynamoDBClient"

    def has_been_repaired(self) -> bool:
        """Whether someone has put the mark into the table."""
        key = {"key": {"S": REPAIRED}}
        answer = self.client.get_item(TableName=self.environment.effects_table_name, Key=key, ConsistentRead=True)
        return "Item" in answer

    def count(self, key: str, message: Message) -> None:
        """Add one to the effects of `key`; a double effect makes two."""
        table_name, now = self.environment.effects_table_name, time.time_ns() // 1_000
        if self.environment.in_transaction:
            values = {":one": 1, ":now": now, ":deliveries": message.delivery.receive_count}
            message.update(table_name, {"key": key}, COUNT, values=values)
            return
        self.client.update_item(
            TableName=table_name,
            Key={"key": {"S": key}},
            UpdateExpression=COUNT,
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":now": {"N": str(now)},
                ":deliveries": {"N": str(message.delivery.receive_count)},
            },
        )


@functools.cache
def desk() -> Desk:
    """Return the desk of this process."""
    return Desk(DeskEnvironment.from_environment(os.environ), boto3.client("dynamodb"))


@message_handler("desk", key="key")
def handler(order: Order, message: Message) -> None:
    """Do what the order says."""
    if order.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if order.action == "fail":
        msg = "it always fails"
        raise ValueError(msg)
    if order.action == "refuse" and not desk().has_been_repaired():
        msg = "the desk is out of order"
        raise PermanentError(msg)
    if order.action == "beat":
        message.heartbeat(task_token=order.token)
    if order.action in {"beat", "tell"}:
        message.outbox.succeed_task(order.token, {"key": order.key})
    desk().count(order.key, message)
