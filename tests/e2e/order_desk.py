"""The deployed order pipeline: place orders, stop a service, redrive, replay, and look at what is there."""

import functools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.driver import ConsumedQueue, drain
from cdk_app.demo.inbox import Inbox
from cdk_app.demo.order_findings import OrdersTable, read_orders
from cdk_app.demo.payment_findings import FoundDeadLetter, find_dead_letters
from cdk_app.demo.pipeline import pipeline_queues, preprocessor_of
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.operations.preprocessor_client import PreprocessorClient
from tsunagu.operations.queues import count_messages
from tsunagu.operations.redrive import QueueTarget, RedriveReport, redrive
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock

DRAIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """The deployed order pipeline, by the outputs of its stack."""

    cloud: EmbeddedCloud
    stack: Mapping[str, str]

    @property
    def preprocessor(self) -> PreprocessorClient:
        return preprocessor_of(self.cloud, self.stack)

    @property
    def queues(self) -> Mapping[str, ConsumedQueue]:
        return {queue.name: queue for queue in pipeline_queues(self.stack)}

    def table(self) -> OrdersTable:
        return read_orders(self.cloud.client("dynamodb"), self.stack["OrdersTableName"])

    def drain(self, *services: str) -> None:
        """Wait until the queues of these services are empty; of all services when none is named."""
        queues = [queue for name, queue in self.queues.items() if name in services or not services]
        drain(self.cloud, queues, patience_seconds=DRAIN_SECONDS)

    def waiting(self, service: str) -> int:
        return count_messages(self.cloud.client("sqs"), self.queues[service].queue_url)

    def dead(self, service: str) -> int:
        return count_messages(self.cloud.client("sqs"), self.queues[service].dead_letter_queue_url)

    def letters(self, service: str) -> list[FoundDeadLetter]:
        return find_dead_letters(self.cloud.client("sqs"), self.queues[service].dead_letter_queue_url)

    def reasons(self, service: str) -> dict[str, str]:
        """Reason of each dead letter of a service, by request id."""
        return {json.loads(letter.body)["request_id"]: letter.reason or "" for letter in self.letters(service)}

    def notifications(self) -> list[dict[str, Any]]:
        """Take out the notifications that were not read yet."""
        return Inbox(self.cloud.client("sqs"), self.stack["NotificationsQueueUrl"]).read()

    def redrive(self, service: str) -> RedriveReport:
        client, queue = functools.partial(self.cloud.client, "sqs"), self.queues[service]
        source = SqsDeadLetterSource(client, queue.dead_letter_queue_url)
        return redrive(source, QueueTarget(SqsQueueSender(client, queue.queue_url)), SystemClock(), rate_per_second=100)

    @contextmanager
    def stopped(self, service: str) -> Iterator[None]:
        """Deliver nothing to a service while the block runs."""
        client, name = self.cloud.client("lambda"), self.queues[service].function_name
        (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    @contextmanager
    def configured(self, service: str, **variables: str) -> Iterator[None]:
        """Give the function of a service other environment variables while the block runs."""
        client, name = self.cloud.client("lambda"), self.queues[service].function_name
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
        try:
            yield
        finally:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": before})
