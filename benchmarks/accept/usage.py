"""What one request uses of each thing that AWS bills for, with our API and with a plain asynchronous invocation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tsunagu.costs.prices import ListPrice, list_prices

MILLION = 1_000_000
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
WRITE_UNIT_BYTES, READ_UNIT_BYTES, TRANSACTIONAL = 1_024, 4_096, 2
SHARDS, RUNS_PER_HOUR = 16, 60  # of the sweeper
# https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: Lambda polls a shard four times a second; taken for Pipes.
POLLS_PER_SECOND = 4


class Component(StrEnum):
    """What AWS bills for."""

    GATEWAY = "API Gateway REST requests"
    WRITE = "DynamoDB write units"
    INDEX = "DynamoDB index write units"
    READ = "DynamoDB read units"
    STREAM = "DynamoDB stream reads"
    PIPE = "EventBridge Pipes, 64 KB"
    SCHEDULER = "EventBridge Scheduler invocations"
    SQS = "SQS requests, 64 KB"
    S3_PUT = "S3 PUT and COPY"
    LAMBDA_REQUEST = "Lambda requests"
    LAMBDA_DURATION = "Lambda GB-seconds, arm64"


PRICES: Mapping[Component, ListPrice] = {
    Component.GATEWAY: list_prices()["api-gateway.request"],
    Component.WRITE: list_prices()["dynamodb.write"],
    Component.INDEX: list_prices()["dynamodb.write"],
    Component.READ: list_prices()["dynamodb.read"],
    Component.STREAM: list_prices()["dynamodb.stream"],
    Component.PIPE: list_prices()["events.pipe"],
    Component.SCHEDULER: list_prices()["scheduler.invocation"],
    Component.SQS: list_prices()["sqs.request"],
    Component.S3_PUT: list_prices()["s3.put"],
    Component.LAMBDA_REQUEST: list_prices()["lambda.request"],
    Component.LAMBDA_DURATION: list_prices()["lambda.gb-second"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load of requests, and the assumptions about one.

    Attributes:
        record_bytes: Size of a record, at every write.
        work_seconds: How long the business function runs.
        overhead_seconds: How much longer an invocation of ours runs: its calls of DynamoDB and S3.
        memory_gib: Memory of the function.
        results: Objects of a result, which both functions write to S3.
        writes: Items that the business function writes with its completion.
        polls: How often the caller asks for the status. Default: never, because a plain invocation has none.
        requests_per_second: Pace of the load, at all hours. It shares out what is paid by the hour.
        batch: Messages of one call of the pipe, and of one receive.
        sweep_seconds: How long one run of the sweeper takes.
    """

    record_bytes: int = 1_000
    work_seconds: float = 1.0
    overhead_seconds: float = 0.15
    memory_gib: float = 0.25
    results: int = 1
    writes: int = 0
    polls: int = 0
    requests_per_second: float = 1.0
    batch: int = 1
    sweep_seconds: float = 1.0

    @property
    def record_units(self) -> int:
        """Write units of one write of a record."""
        return math.ceil(self.record_bytes / WRITE_UNIT_BYTES)


Usage = Mapping[Component, float]


def accept_usage(load: Load) -> Usage:
    """Return what a request uses with our API and its queue, without a failure.

    - The record is written by the gateway, claimed, committed with the messages of its outbox, completed, and closed
      by the sweeper. It enters the index with the first write, and leaves it with the last one.
    - The result is written to its staging key, and copied to its final key.
    """
    commit = TRANSACTIONAL * (load.record_units + load.writes) if load.writes else load.record_units
    read = math.ceil(load.record_bytes / READ_UNIT_BYTES)  # consistently: by worker, sweeper, and each poll
    runs = RUNS_PER_HOUR / 3_600 / load.requests_per_second
    return {
        Component.GATEWAY: 1 + load.polls,
        Component.WRITE: 4 * load.record_units + commit,
        Component.INDEX: 2,
        Component.READ: (2 + load.polls) * read + runs * SHARDS / 2,
        Component.STREAM: POLLS_PER_SECOND / load.requests_per_second,
        Component.PIPE: 1 / load.batch,
        Component.SCHEDULER: runs,
        Component.SQS: 3 / load.batch,
        Component.S3_PUT: 2 * load.results,
        Component.LAMBDA_REQUEST: 1 / load.batch + runs,
        Component.LAMBDA_DURATION: load.memory_gib
        * (load.work_seconds + load.overhead_seconds + runs * load.sweep_seconds),
    }


def plain_usage(load: Load) -> Usage:
    """Return what a request uses with a REST API that invokes the function asynchronously, and keeps no record."""
    return {
        Component.GATEWAY: 1,
        Component.S3_PUT: load.results,
        Component.WRITE: load.writes,
        Component.LAMBDA_REQUEST: 1,
        Component.LAMBDA_DURATION: load.memory_gib * load.work_seconds,
    }


def usd(usage: Usage) -> float:
    """Return the price of a million requests."""
    return sum(units * MILLION * PRICES[component].unit_usd for component, units in usage.items())
