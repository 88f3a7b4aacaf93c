"""What the end-to-end tests look at: the app on an embedded cloud, and the result of a load."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_app.demo.driver import ConsumedQueue
from cdk_app.demo.flow import FlowReport
from cdk_app.demo.load import PlannedMessage
from cdk_app.demo.payment_findings import FoundDeadLetter, PaymentsTable, find_dead_letters, read_payments
from cdk_app.demo.receive_once import STACK_NAME, payment_queues
from tsunagu.local.embedded_cloud import EmbeddedCloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The app on an embedded cloud."""

    cloud: EmbeddedCloud
    assembly: Path
    outputs: Mapping[str, Mapping[str, str]]

    @property
    def payments(self) -> Mapping[str, str]:
        return self.outputs[STACK_NAME]

    @property
    def queues(self) -> tuple[ConsumedQueue, ConsumedQueue]:
        return payment_queues(self.payments)

    def table(self) -> PaymentsTable:
        return read_payments(self.cloud.client("dynamodb"), self.payments["PaymentsTableName"])

    def idempotency_items(self) -> list[dict[str, Any]]:
        scan = self.cloud.client("dynamodb").get_paginator("scan")
        pages = scan.paginate(TableName=self.payments["IdempotencyTableName"])
        return [item for page in pages for item in page["Items"]]

    def dead_letters(self, queue: ConsumedQueue) -> list[FoundDeadLetter]:
        return find_dead_letters(self.cloud.client("sqs"), queue.dead_letter_queue_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Result of the load, when the queues were empty."""

    report: FlowReport
    loads: Mapping[str, tuple[PlannedMessage, ...]]
    table: PaymentsTable
    dead_letters: Mapping[str, list[FoundDeadLetter]]
    notifications: list[dict[str, Any]]
    items: list[dict[str, Any]]
    log_lines: list[str]
    left_in_queues: list[int]
