"""The deployed APIs of the reports: call them, stop their parts, and look at what is there."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.accept_now import PATIENCE_SECONDS, ReportCounter
from cdk_app.demo.driver import ConsumedQueue
from cdk_app.demo.payment_findings import FoundDeadLetter, find_dead_letters
from cdk_app.demo.report_findings import Register, read_register
from cdk_app.demo.signed_api import SignedApi
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import count_messages

LOOK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ReportDesk:
    """The deployed reports stack, by its outputs."""

    cloud: EmbeddedCloud
    stack: Mapping[str, str]

    @property
    def queue(self) -> ConsumedQueue:
        return ConsumedQueue.from_outputs(self.stack, "reports")

    @property
    def unique(self) -> str:
        """An id that no other request has; each access returns another one."""
        return uuid.uuid4().hex

    def api(self, name: str = "caller") -> SignedApi:
        """Return the API with the delivery by queue, called by a new user."""
        return SignedApi.for_new_user(self.cloud, self.stack["ReportsApiUrl"], name=name)

    def event_api(self, name: str = "caller") -> SignedApi:
        """Return the API that invokes its function asynchronously, called by a new user."""
        return SignedApi.for_new_user(self.cloud, self.stack["EventReportsApiUrl"], name=name)

    def counter(self, callers: int = 20, *, patience_seconds: float = PATIENCE_SECONDS) -> ReportCounter:
        return ReportCounter(self.api(), callers=callers, patience_seconds=patience_seconds)

    def register(self) -> Register:
        return read_register(self.cloud.client("dynamodb"), self.stack["ReportsTableName"])

    def letters(self) -> list[FoundDeadLetter]:
        return find_dead_letters(self.cloud.client("sqs"), self.queue.dead_letter_queue_url)

    def event_letters(self) -> list[FoundDeadLetter]:
        """Return what Lambda gave up, and what the worker of events dead-lettered."""
        return find_dead_letters(self.cloud.client("sqs"), self.stack["EventReportsDeadLetterQueueUrl"])

    def records(self) -> list[dict[str, Any]]:
        """Return the items of every accepted request."""
        scan = self.cloud.client("dynamodb").get_paginator("scan")
        pages = scan.paginate(TableName=self.stack["ReportsRequestsTableName"], ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def access_log(self) -> str:
        """Return what the access log of the queue's API has."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=self.stack["ReportsAccessLogGroupName"])
        return "\n".join(event["message"] for page in found for event in page["events"])

    @contextmanager
    def timeout(self, *, seconds: int) -> Iterator[None]:
        """Give the worker a shorter time-out while the block runs."""
        client, name = self.cloud.client("lambda"), self.queue.function_name
        before = client.get_function_configuration(FunctionName=name)
        variables = before["Environment"]["Variables"]
        shorter = variables | {"FUNCTION_TIMEOUT_SECONDS": str(seconds), "LEASE_SECONDS": str(seconds - 1)}
        client.update_function_configuration(FunctionName=name, Timeout=seconds, Environment={"Variables": shorter})
        try:
            yield
        finally:
            client.update_function_configuration(
                FunctionName=name, Timeout=before["Timeout"], Environment={"Variables": variables}
            )

    @contextmanager
    def without_pipe(self) -> Iterator[None]:
        """Stop the pipe while the block runs."""
        pipes, name = self.cloud.client("pipes"), self.stack["ReportsPipeName"]
        pipes.stop_pipe(Name=name)
        try:
            yield
        finally:
            pipes.start_pipe(Name=name)

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        """Deliver nothing to the worker while the block runs."""
        client, name = self.cloud.client("lambda"), self.queue.function_name
        (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def lose_messages(self, count: int) -> None:
        """Wait until the pipe has delivered so many messages, and delete all that are in the queue.

        Nothing may deliver to the worker meanwhile.
        """
        sqs, url = self.cloud.client("sqs"), self.queue.queue_url
        deadline = time.monotonic() + LOOK_SECONDS
        while count_messages(sqs, url) < count:
            assert time.monotonic() < deadline, f"{count} messages must arrive, got {count_messages(sqs, url)}"
            time.sleep(0.1)
        sqs.purge_queue(QueueUrl=url)

    def sweep(self) -> None:
        """Run the sweeper now, and not at its next minute."""
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.stack["ReportsSweeperFunctionName"], Payload=b"{}"
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
