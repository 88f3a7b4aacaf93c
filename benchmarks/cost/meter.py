"""Runs Lambda handlers in this process, answers their calls from memory, and counts what AWS would bill."""

import io
import json
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest import mock

import botocore.session

from benchmarks.cost.billing import CALLS_PAST_THE_BUCKET_KEY, billed_requests
from benchmarks.cost.load import Load
from benchmarks.cost.tables import BilledTables, Index
from benchmarks.cost.usage import Usage, total
from benchmarks.dynamodb.tables import CallError
from tsunagu.runtime.aws import clients

GB = 1_000_000_000
TIMEOUT_MS = 60_000
_S3_PUTS, _S3_GETS = ("PutObject", "CopyObject"), ("GetObject",)
_LAMBDAS_OWN_FIELDS = {"timestamp": "2026-01-01T00:00:00.000Z", "requestId": "00000000-0000-4000-8000-000000000000"}
_STANDARD = vars(logging.makeLogRecord({})).keys()

Handler = Callable[[Any, Any], Any]
T = TypeVar("T")


class Context:
    """Lambda's context of an invocation that has a minute."""

    aws_request_id = _LAMBDAS_OWN_FIELDS["requestId"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left."""
        return TIMEOUT_MS


@dataclass
class _Http:
    status_code: int = 200


class _Lines(logging.Handler):
    """Keep each line as Lambda's JSON format has it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line = {"level": record.levelname, "message": record.getMessage(), "logger": record.name}
        self.text.append(json.dumps({**_LAMBDAS_OWN_FIELDS, **line, **extra}, default=str) + "\n")


class Meter:
    """Counts what handlers use. Calls take the seconds of the load, one after another.

    Args:
        load: The load.
        indexes: Indexes of the tables, by the table's name.

    Attributes:
        tables: The tables that the handlers write.
        calls: Calls of each service.
        sent: Parameters of each call to SQS and SNS.
        metrics: Names of the metrics in the log.
    """

    def __init__(self, load: Load, indexes: Mapping[str, Iterable[Index]] | None = None) -> None:
        self.load = load
        self.tables = BilledTables(indexes or {})
        self.calls: Counter[str] = Counter()
        self.sent: list[Mapping[str, Any]] = []
        self.metrics: set[str] = set()
        self._used: defaultdict[str, float] = defaultdict(float)
        self._seconds = 0.0
        self._session = botocore.session.Session()
        self._session.set_credentials("none", "none")
        self._session.set_config_variable("region", "us-east-1")
        self._session.register("before-parameter-build", _keep_parameters)
        self._session.register("before-call", self._answer)

    def client(self, service: str) -> Any:
        """Return a client whose calls are counted."""
        return self._session.create_client(service)

    @contextmanager
    def environment(self, *contracts: Mapping[str, str]) -> Iterator[None]:
        """Let the runtime use this meter's clients, and these environment variables."""
        variables = {name: text for contract in contracts for name, text in contract.items()}
        clients.process_dynamodb_client.cache_clear()
        try:
            with (
                mock.patch.dict(os.environ, {**variables, "AWS_DEFAULT_REGION": "us-east-1"}),
                mock.patch.object(clients, "session", return_value=self._session),
            ):
                yield
        finally:
            clients.process_dynamodb_client.cache_clear()

    def invoke(self, handler: Handler, event: Any, *, messages: int = 1) -> Usage:
        """Invoke a handler, and return what it used, with its invocation and its log.

        Raises:
            RuntimeError: A message comes back.
        """
        self._used.clear()
        self.tables.units.clear()
        self._seconds = 0.0
        log_bytes = self._run(handler, event)
        seconds = self._seconds + messages * self.load.durations.work
        return total(
            self._used,
            self.tables.units,
            {
                "lambda.request": 1,
                "lambda.gb-second": seconds * self.load.memory_gib,
                "cloudwatch.log-gb": (log_bytes + self.load.platform_log_bytes) / GB,
            },
        )

    def stored(self, write: Callable[[], T]) -> tuple[Usage, T]:
        """Return what writes to the tables use, that no handler makes, and what `write` returns."""
        self.tables.units.clear()
        result = write()
        return dict(self.tables.units), result

    def deliver(self, handler: Handler, records: Sequence[Mapping[str, Any]]) -> Usage:
        """Invoke a handler with a batch of messages: Lambda receives them in one call, and deletes them in another."""
        size = sum(message_bytes(record) for record in records)
        used = self.invoke(handler, {"Records": [*records]}, messages=len(records))
        return total(used, {"sqs.request": billed_requests(size) + 1})

    def _run(self, handler: Handler, event: Any) -> int:
        lines, printed, root = _Lines(), io.StringIO(), logging.getLogger()
        level, others = root.level, root.handlers[:]
        root.handlers[:] = [lines]
        root.setLevel(logging.INFO)
        try:
            with redirect_stdout(printed):
                response = handler(event, Context())
        finally:
            root.setLevel(level)
            root.handlers[:] = others
        if isinstance(response, dict) and response.get("batchItemFailures"):
            msg = f"each message must be processed, got {response} and {lines.text}"
            raise RuntimeError(msg)
        self.metrics |= set(_metric_names(printed.getvalue()))
        return len(printed.getvalue().encode()) + sum(len(line.encode()) for line in lines.text)

    def _answer(self, **given: Any) -> Any:
        model, asked = given["model"], given["context"]["asked"]
        service = model.service_model.service_name
        self.calls[service] += 1
        if service == "dynamodb":
            return self._answer_of_tables(model.name, asked)
        if service == "s3":
            return self._answer_of_bucket(model.name)
        return self._answer_of_channel(service, asked)

    def _answer_of_tables(self, operation: str, asked: Mapping[str, Any]) -> Any:
        durations = self.load.durations
        self._seconds += durations.transaction if operation == "TransactWriteItems" else durations.dynamodb
        try:
            return _Http(), self.tables.answer(operation, asked)
        except CallError as error:
            code = error.answer["__type"].partition("#")[2]
            return _Http(400), {**error.answer, "Error": {"Code": code, "Message": code}, "ResponseMetadata": {}}

    def _answer_of_bucket(self, operation: str) -> Any:
        is_put = operation in _S3_PUTS
        if not is_put and operation not in _S3_GETS:
            msg = f"a call of S3 must be one of {_S3_PUTS + _S3_GETS}, got {operation}"
            raise RuntimeError(msg)
        self._seconds += self.load.durations.s3_put if is_put else self.load.durations.s3_get
        self._used["s3.put" if is_put else "s3.get"] += 1
        self._used["kms.request"] += CALLS_PAST_THE_BUCKET_KEY
        return _Http(), {"VersionId": "v" * 32}

    def _answer_of_channel(self, service: str, asked: Mapping[str, Any]) -> Any:
        self._seconds += self.load.durations.publish
        self.sent.append(asked)
        entries = asked.get("Entries") or asked.get("PublishBatchRequestEntries") or []
        price = {"sqs": "sqs.request", "sns": "sns.publish"}.get(service)
        if price is not None:  # the calls of Step Functions that say how a task ended cost nothing
            self._used[price] += billed_requests(sum(map(_sent_bytes, entries or [asked])))
        return _Http(), {"Successful": [{"Id": each["Id"], "MessageId": "m"} for each in entries], "Failed": []}


def message_bytes(record: Mapping[str, Any]) -> int:
    """Return the size of a message as SQS counts it: body, and names, types and values of its attributes."""
    attributes = record.get("messageAttributes", {})
    return len(record["body"].encode()) + sum(
        len(name) + len(each["dataType"]) + len(each["stringValue"]) for name, each in attributes.items()
    )


def _sent_bytes(entry: Mapping[str, Any]) -> int:
    attributes = entry.get("MessageAttributes", {})
    text = entry.get("MessageBody") or entry.get("Message") or ""
    return len(text.encode()) + sum(
        len(name) + len(each["DataType"]) + len(each["StringValue"]) for name, each in attributes.items()
    )


def _keep_parameters(**given: Any) -> None:
    given["context"]["asked"] = given["params"]


def _metric_names(printed: str) -> Iterator[str]:
    for line in printed.splitlines():
        for group in json.loads(line).get("_aws", {}).get("CloudWatchMetrics", ()):
            yield from (metric["Name"] for metric in group["Metrics"])
