"""The tables, queues and the topic of the order service, made on an embedded cloud without a deployment."""

import json
from dataclasses import dataclass
from typing import Any

from lambdas.contracts.order_api import OrderApiEnvironment
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.items import ID
from tsunagu.contracts.web import WebEnvironment
from tsunagu.local.embedded_cloud import EmbeddedCloud

ORDERS, ITEMS, QUEUE, DEAD_LETTERS, NOTIFICATIONS = "orders", "items", "orders", "orders-dead", "orders-dead"
_ATTEMPTS = 3
_TIMEOUT_SECONDS = 20
_WINDOW_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Resources:
    """What the service needs.

    Attributes:
        queue_url: The queue of the service.
        environment: Environment variables of the service.
    """

    queue_url: str
    environment: dict[str, str]


def make_resources(cloud: EmbeddedCloud) -> Resources:
    """Make what the service needs, on an embedded cloud that is empty."""
    _make_table(cloud, ORDERS, "order_id")
    _make_table(cloud, ITEMS, ID)
    sqs = cloud.client("sqs")
    dead_letters = sqs.create_queue(QueueName=DEAD_LETTERS)["QueueUrl"]
    visibility = {"VisibilityTimeout": str(6 * _TIMEOUT_SECONDS)}
    queue_url = sqs.create_queue(QueueName=QUEUE, Attributes=visibility)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    topic = cloud.client("sns").create_topic(Name=NOTIFICATIONS)["TopicArn"]
    shared: dict[str, Any] = {
        "idempotency_table_name": ITEMS,
        "idempotency_window_seconds": _WINDOW_SECONDS,
        "function_timeout_seconds": _TIMEOUT_SECONDS,
        "metrics_namespace": "Dev",
        "queue_url": queue_url,
    }
    receiver = ReceiverEnvironment(
        **shared,
        queue_arn=attributes["QueueArn"],
        dead_letter_queue_url=dead_letters,
        notification_topic_arn=topic,
        max_attempts=_ATTEMPTS,
    )
    records = (receiver, WebEnvironment(**shared, log_tracebacks=True), OrderApiEnvironment(orders_table_name=ORDERS))
    environment = dict(cloud.environment())
    for each in records:
        environment |= each.to_environment()
    return Resources(queue_url, environment)


def send_line(cloud: EmbeddedCloud, queue_url: str, line: str) -> str | None:
    """Send a line of JSON that holds a message, with its type in the field `type`; return what is wrong with it."""
    try:
        message = json.loads(line)
    except ValueError:
        return "a line must be JSON, got another text"
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "a line must be an object with a field 'type', got another one"
    cloud.client("sqs").send_message(QueueUrl=queue_url, MessageBody=line)
    return None


def _make_table(cloud: EmbeddedCloud, name: str, key: str) -> None:
    cloud.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
