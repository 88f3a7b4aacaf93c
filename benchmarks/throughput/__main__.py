"""`make bench-throughput`: our standard queue and the plain lock in turn, on one embedded cloud; then the ratio.

A queue is filled while nobody consumes it. What counts is the time between the first and the last effect, which the
functions write into the payments themselves.
"""

# ruff: noqa: T201 - a report is printed

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.events import payment_body
from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import WORK_FOLDER
from benchmarks.throughput.plain_lock_stack import STACK_NAME, template
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE, SQS_ENTRIES_PER_BATCH
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

MESSAGES = 600
WARM_UP_MESSAGES = 100
ROUNDS = 9
PATIENCE_SECONDS = 120
LOOK_AGAIN_SECONDS = 0.5
PAYMENTS_STACK = "tsunagu-embedded-payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A queue, the function that consumes it, and where its effects are.

    Attributes:
        name: How the report calls it.
        queue_url: The queue.
        function_name: The function.
        table_name: Table of its payments.
    """

    name: str
    queue_url: str
    function_name: str
    table_name: str


class Bench:
    """Drives consumers on one embedded cloud.

    Args:
        cloud: Where they are deployed.
    """

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self._cloud = cloud
        self._sent = 0

    def rate(self, consumer: Consumer, messages: int) -> float:
        """Return the messages a second that `consumer` takes of a filled queue."""
        self._switch(consumer, enabled=False)
        before = self._recorded(consumer)
        self._send(consumer, messages)
        self._switch(consumer, enabled=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        recorded = before
        while len(recorded) < len(before) + messages:
            if time.monotonic() > deadline:
                msg = f"{consumer.name} must process {messages} messages in {PATIENCE_SECONDS} s, got {len(recorded)}"
                raise RuntimeError(msg)
            time.sleep(LOOK_AGAIN_SECONDS)
            if not self._left(consumer):
                recorded = self._recorded(consumer)
        new = sorted(recorded[number] for number in recorded.keys() - before.keys())
        return len(new) / ((new[-1] - new[0]) / 1_000_000)

    def _send(self, consumer: Consumer, messages: int) -> None:
        sqs = self._cloud.client("sqs")
        for first in range(self._sent, self._sent + messages, SQS_ENTRIES_PER_BATCH):
            entries = [_entry(number) for number in range(first, first + SQS_ENTRIES_PER_BATCH)]
            failed = sqs.send_message_batch(QueueUrl=consumer.queue_url, Entries=entries).get("Failed", [])
            if failed:
                msg = f"the queue of {consumer.name} must accept every message, got {failed[0]}"
                raise RuntimeError(msg)
        self._sent += messages

    def _switch(self, consumer: Consumer, *, enabled: bool) -> None:
        functions = self._cloud.client("lambda")
        (mapping,) = functions.list_event_source_mappings(FunctionName=consumer.function_name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def _left(self, consumer: Consumer) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._cloud.client("sqs").get_queue_attributes(QueueUrl=consumer.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def _recorded(self, consumer: Consumer) -> dict[str, int]:
        """Return when each payment was recorded, in microseconds since the epoch."""
        pages = self._cloud.client("dynamodb").get_paginator("scan").paginate(TableName=consumer.table_name)
        items = (item for page in pages for item in page["Items"] if "recorded_at" in item)
        return {item["entry"]["S"]: int(item["recorded_at"]["N"]) for item in items}


def main() -> None:
    """Measure, and print."""
    assembly = synthesize("embedded", WORK_FOLDER / "bench" / "cdk.out")
    with EmbeddedCloud.start(WORK_FOLDER / "bench" / "cloud") as cloud:
        outputs = cloud.deploy(assembly)[PAYMENTS_STACK]
        ours = _consumer("ours, exactly once", outputs, "Standard")
        lock = _consumer("plain lock", _plain_lock_outputs(cloud))
        bench = Bench(cloud)
        for consumer in (ours, lock):
            bench.rate(consumer, WARM_UP_MESSAGES)
        rates = [_round(bench, (ours, lock) if number % 2 else (lock, ours)) for number in range(ROUNDS)]
    print(f"Messages a second of a filled standard queue, {MESSAGES} messages a round, on the embedded cloud.\n")
    for consumer in (ours, lock):
        column = [rate[consumer.name] for rate in rates]
        words = ", ".join(f"{rate:.0f}" for rate in column)
        print(f"{consumer.name:<20}{statistics.median(column):>8.1f}   rounds: {words}")
    # Of each round, because the machine changes more from round to round than within one.
    value = statistics.median(rate[ours.name] / rate[lock.name] for rate in rates)
    print_ratios((Ratio("throughput.payments", value, ">= 1.5"),))


def _round(bench: Bench, consumers: Sequence[Consumer]) -> dict[str, float]:
    return {consumer.name: bench.rate(consumer, MESSAGES) for consumer in consumers}


def _plain_lock_outputs(cloud: EmbeddedCloud) -> dict[str, str]:
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName=STACK_NAME, TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1})
    (stack,) = stacks.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _consumer(name: str, outputs: Mapping[str, str], kind: str = "") -> Consumer:
    return Consumer(
        name=name,
        queue_url=outputs[f"{kind}QueueUrl"],
        function_name=outputs[f"{kind}FunctionName"],
        table_name=outputs["PaymentsTableName"],
    )


def _entry(number: int) -> dict[str, Any]:
    request_id = {"DataType": "String", "StringValue": f"request-{number:06}"}
    return {
        "Id": str(number),
        "MessageBody": payment_body(number),
        "MessageAttributes": {REQUEST_ID_ATTRIBUTE: request_id},
    }


if __name__ == "__main__":
    main()
