"""A request that is accepted now and worked on later, beside an API that invokes the function asynchronously."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cost.billing import EVENTUAL, billed_requests, item_bytes, read_units
from benchmarks.cost.load import Load
from benchmarks.cost.meter import GB, Meter
from benchmarks.cost.plain import PlainConsumer
from benchmarks.cost.receive_once import ENVIRONMENT, ITEMS, ORDERS, business_item, record
from benchmarks.cost.usage import Usage, times, total
from tsunagu import Request, Result, accepted_request
from tsunagu.contracts.requests import DUE, OPEN, SHARDS, RequestEnvironment, message_body
from tsunagu.costs.usage import STREAM_READS_PER_SECOND
from tsunagu.runtime.aws.request_records import record_attributes
from tsunagu.testing.requests import accepted

SCOPE = "reports"
RUNS_PER_HOUR = 60  # of the sweeper


@dataclass(frozen=True)
class Report:
    """A request: what the report is about.

    Attributes:
        month: The month.
        note: Text that makes the body as long as the load says.
    """

    month: str
    note: str = ""


def ours(load: Load) -> Usage:
    """Return what a request uses with `AsyncRequestApi` and its queue.

    Counted is what the worker does. The calls of the services between them follow from the templates: the gateway
    writes the record, the pipe reads it off the stream and sends its key to the queue, and the sweeper reads the record
    at its end and takes it out of the index.
    """
    return total(_worked(load), _between(load), times(_asked(load), load.polls), _run_of_sweeper(load), _business(load))


def plain(load: Load) -> Usage:
    """Return what a request uses with a REST API that invokes the function asynchronously, and keeps no record."""
    meter = Meter(load)
    consumer = PlainConsumer(meter.client("dynamodb"), locks=ITEMS, table=ORDERS, writes=load.writes)
    bucket = meter.client("s3")

    def work(event: dict[str, str], _context: object) -> None:
        consumer.write(event["id"])
        for number in range(load.results):
            bucket.put_object(Bucket="results", Key=f"{event['id']}/{number}", Body=b"report")

    used = meter.invoke(work, {"id": "r-1"})
    return total({"api-gateway.request": 1}, used, _business(load))


def _worked(load: Load) -> Usage:
    """Return what the record of a request, its message and its worker use."""
    meter = Meter(load, {ITEMS: [(OPEN, DUE)]})

    def work(report: Report, request: Request) -> Result | None:
        for number in range(load.writes):
            request.put(ORDERS, business_item(request.id, number))
        for number in range(1, load.results):
            request.attach(f"{number}.csv", report.month, "text/csv")
        return Result(report.month, "text/csv") if load.results else None

    environment = RequestEnvironment(request_scope=SCOPE, result_bucket_name="results")
    with meter.environment(ENVIRONMENT.to_environment(), environment.to_environment()):
        handler = accepted_request(SCOPE)(work)
        written, keys = meter.stored(lambda: [_accept(meter, number) for number in range(load.batch)])
        messages = [record(message_body(key), number, {}) for number, key in enumerate(keys)]
        first, again = (meter.deliver(handler, messages) for _ in range(2))
        closed, _ = meter.stored(lambda: _close(meter, keys))
    sent = {"sqs.request": 1}  # by the pipe, in one call; a key is short
    return times(total(written, sent, first, times(again, load.duplicates), closed), 1 / load.batch)


def _close(meter: Meter, keys: Sequence[str]) -> None:
    """Take records out of the index, as the sweeper does once it has read that their requests have ended."""
    for key in keys:
        item = meter.tables.item(ITEMS, (key,)) or {}
        meter.tables.units["dynamodb.read"] += read_units(item_bytes(item))
        meter.tables.store(ITEMS, (key,), {name: value for name, value in item.items() if name not in {OPEN, DUE}})


def _accept(meter: Meter, number: int) -> str:
    """Write a record as the gateway does, and return its key."""
    body = json.dumps({"month": "2026-02", "note": ""})
    body = json.dumps({"month": "2026-02", "note": "-" * max(0, meter.load.message_bytes - len(body))})
    request = accepted(body, scope=SCOPE, request_id=f"r-{number:06}", now_ms=time.time_ns() // 1_000_000)
    meter.tables.store(ITEMS, (request.item.id,), record_attributes(request))
    return request.item.id


def _business(load: Load) -> Usage:
    return {"lambda.gb-second": load.memory_gib * load.work_seconds}


def _between(load: Load) -> Usage:
    """Return what gateway, stream and pipe use for a request, but for the write of the record."""
    return {
        "api-gateway.request": 1,
        "dynamodb.stream": STREAM_READS_PER_SECOND / load.requests_per_second,
        "events.pipe": billed_requests(load.batch * load.message_bytes) / load.batch,
        "cloudwatch.log-gb": load.access_log_bytes / GB,
    }


def _asked(load: Load) -> Usage:
    """Return what a question about the status uses: the gateway reads the record consistently."""
    return {"api-gateway.request": 1, "dynamodb.read": read_units(load.message_bytes)}


def _run_of_sweeper(load: Load) -> Usage:
    """Return a request's share of the runs of the sweeper, which looks at each partition of the index."""
    runs = RUNS_PER_HOUR / 3_600 / load.requests_per_second
    return {
        "dynamodb.read": runs * len(SHARDS) * EVENTUAL,
        "scheduler.invocation": runs,
        "lambda.request": runs,
        "lambda.gb-second": runs * load.sweep_seconds * load.memory_gib,
    }
