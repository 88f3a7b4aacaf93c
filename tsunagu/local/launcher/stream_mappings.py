"""Runs mappings of DynamoDB streams by the rules of Lambda: partial batches, retries, bisection, on-failure records.

ministack runs the function on the thread that polls every queue, repeats a failed batch for ever, and ignores what a
function reports of a part of its batch. Here each mapping works on a thread of its own. Unlike on AWS there is one
batch at a time, and the pauses last at most a second.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
import time
from dataclasses import dataclass
from typing import Any

from .ministack_modules import dynamodb, lambda_svc, responses

Mapping = dict[str, Any]
Function = dict[str, Any]
Outcome = dict[str, Any]
Records = list[dict[str, Any]]

DEFAULT_BATCH_SIZE = 100
PAUSE_SECONDS = 0.2  # on AWS up to a minute
LONGEST_PAUSE_SECONDS = 1.0
UNLIMITED = -1
PARTIAL = "ReportBatchItemFailures"


@dataclass(slots=True)
class Progress:
    """What became of the batch that a mapping tries.

    Attributes:
        first: Sequence number of its first record.
        tries: Failed tries of it.
        size: Most records of the next try, after a bisection; None for the batch size of the mapping.
    """

    first: str = ""
    tries: int = 0
    size: int | None = None


_progress: dict[str, Progress] = {}


def install() -> None:
    """Run every mapping of a DynamoDB stream in this way."""
    lambda_svc._poll_dynamodb_streams = poll


def poll() -> bool:
    """Start the next batch of each mapping that has none in work; return whether one was started."""
    started = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        started |= _start(mapping)
    return started


def _start(mapping: Mapping) -> bool:
    identifier, stream_arn = mapping["UUID"], mapping.get("EventSourceArn", "")
    if ":dynamodb:" not in stream_arn or not mapping.get("Enabled", True) or identifier in lambda_svc._esm_inflight:
        return False
    if lambda_svc._esm_backoff_until.get(identifier, 0) > time.time():
        return False
    table_name = stream_arn.split("/")[1]
    function, _config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None or (dynamodb._tables.get(table_name) or {}).get("LatestStreamArn") != stream_arn:
        return False
    lambda_svc._init_stream_position(identifier, stream_arn, mapping.get("StartingPosition", "LATEST"))
    position = max(lambda_svc._dynamodb_stream_positions[identifier], dynamodb.stream_start_position(table_name))
    progress = _progress.setdefault(identifier, Progress())
    size = progress.size or int(mapping.get("BatchSize") or DEFAULT_BATCH_SIZE)
    batch = dynamodb.stream_records_since(table_name, position, size)
    if not batch:
        return False
    work = Batch(mapping, function, progress, batch, position)
    lambda_svc._dispatch_esm_batch(identifier, work.run)
    return True


class Batch:
    """Records of a stream on their way to a function."""

    def __init__(
        self, mapping: Mapping, function: Function, progress: Progress, records: Records, position: int
    ) -> None:
        self._mapping = mapping
        self._function = function
        self._progress = progress
        self._records = records
        self._position = position

    def run(self) -> None:
        """Invoke the function with the records that pass the filters, and move on past those that are done."""
        chosen = lambda_svc._apply_filter_criteria(self._records, self._mapping)
        outcome: Outcome = lambda_svc._execute_function(self._function, {"Records": chosen}) if chosen else {}
        failed = self._first_failure(outcome, chosen)
        if failed is None:
            self._mapping["LastProcessingResult"] = f"OK - {len(chosen)} records"
            self._advance(len(self._records))
            return
        self._mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        self._fail(self._records.index(chosen[failed]), outcome)

    def _first_failure(self, outcome: Outcome, chosen: Records) -> int | None:
        """Return the index of the first record that is tried again; None when all are done."""
        if outcome.get("error"):
            return 0
        if PARTIAL not in (self._mapping.get("FunctionResponseTypes") or []):
            return None
        try:
            numbers = _reported(outcome.get("body"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return 0  # Lambda takes a malformed answer for a failure of the whole batch
        known = [index for index, record in enumerate(chosen) if _number(record) in numbers]
        if numbers and not known:
            return 0
        return min(known, default=None)

    def _fail(self, done_count: int, outcome: Outcome) -> None:
        rest, progress = self._records[done_count:], self._progress
        if done_count:  # those before it have succeeded: the rest is a batch of its own
            self._advance(done_count)
        if self._bisects(outcome) and len(rest) > 1:  # no failed try
            progress.size = len(rest) // 2
            return
        if not outcome.get("throttle"):
            progress.tries = progress.tries + 1 if progress.first == _number(rest[0]) else 1
        progress.first = _number(rest[0])
        condition = self._condition(rest)
        if condition is None:
            pause = min(PAUSE_SECONDS * max(1, progress.tries), LONGEST_PAUSE_SECONDS)
            lambda_svc._esm_backoff_until[self._mapping["UUID"]] = time.time() + pause
            return
        arn = self._mapping["EventSourceArn"]
        lambda_svc._send_ddb_stream_failure_record(self._mapping, self._function, rest, arn, outcome, condition)
        self._advance(len(self._records))

    def _condition(self, rest: Records) -> str | None:
        """Return why the records are given up; None when they are tried again."""
        if UNLIMITED < _limit(self._mapping, "MaximumRetryAttempts") < self._progress.tries:
            return "RetryAttemptsExhausted"
        age = time.time() - float(rest[0]["dynamodb"]["ApproximateCreationDateTime"])
        return "MaxRecordAgeExceeded" if UNLIMITED < _limit(self._mapping, "MaximumRecordAgeInSeconds") < age else None

    def _bisects(self, outcome: Outcome) -> bool:
        wanted = str(self._mapping.get("BisectBatchOnFunctionError", False)).lower() == "true"
        return wanted and bool(outcome.get("error")) and not outcome.get("throttle")

    def _advance(self, count: int) -> None:
        identifier = self._mapping["UUID"]
        lambda_svc._esm_backoff_until.pop(identifier, None)
        lambda_svc._dynamodb_stream_positions[identifier] = self._position + count
        self._progress.first, self._progress.tries, self._progress.size = "", 0, None


def _limit(mapping: Mapping, name: str) -> int:
    value = mapping.get(name)
    return UNLIMITED if value is None else int(value)


def _number(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _reported(body: Any) -> set[str]:
    """Return the sequence numbers that a function reports as failed."""
    answer = json.loads(body or "null") if isinstance(body, str | bytes) else body
    failures = (answer or {}).get("batchItemFailures") or []
    return {failure["itemIdentifier"] for failure in failures}
