"""Runs pipes from a DynamoDB stream: batches, filters, retries and dead letters.

ministack drops the parameters of a pipe, and repeats a failed batch for ever. Here each pipe delivers on a thread of
its own, and needs the permissions of its role to read the stream.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import functools
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from .ministack_modules import concurrency, dynamodb, lambda_svc, pipes, responses
from .pipe_targets import Deliverer, DeliveryError
from .service_roles import RoleDeniedError, ServiceRole
from .settings import LauncherSettings
from .signed_sends import SendError, SignedSender

Pipe = dict[str, Any]
Record = dict[str, Any]

PRINCIPAL = "pipes.amazonaws.com"
READS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
POLL_SECONDS = 0.1
IDLE_SECONDS = 1.0
PAUSE_SECONDS = 0.2  # AWS backs off for longer
LONGEST_PAUSE_SECONDS = 2.0
UNLIMITED = -1
OK = 200
SHARD = "shardId-00000000000000000000-00000000"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """What a pipe has done with its current batch.

    Attributes:
        busy: Whether a thread delivers.
        tries: Failed tries of the batch.
        not_before: Time of the next try, in seconds since the epoch.
    """

    busy: bool = False
    tries: int = 0
    not_before: float = 0.0


def install(settings: LauncherSettings) -> None:
    """Run every pipe from a stream in this way."""
    runner = PipeRunner(settings)
    pipes._poll_pipe = runner.poll
    pipes._poll_loop = _poll_always
    _keep_parameters_of_calls()


def adopt_parameters(name: str, properties: dict[str, Any]) -> None:
    """Give a pipe the parameters of its source and its target. It delivers nothing before."""
    pipes._pipes[name] |= {
        "SourceParameters": properties.get("SourceParameters") or {},
        "TargetParameters": properties.get("TargetParameters") or {},
    }


class PipeRunner:
    """Delivers the records of all pipes."""

    def __init__(self, settings: LauncherSettings) -> None:
        self._settings = settings
        self._progress: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def poll(self, _dynamodb: Any, pipe: Pipe, account_id: str) -> None:
        """Start a thread that delivers what is in the stream, unless one works or a pause lasts."""
        source = pipes._dynamodb_stream_source(pipe.get("Source", ""))
        if pipe.get("CurrentState") != "RUNNING" or "TargetParameters" not in pipe or source is None:
            return
        with self._lock:
            progress = self._progress.setdefault(f"{pipe['Arn']} {pipe['CreationTime']}", Progress())
            if progress.busy or progress.not_before > time.time():
                return
            progress.busy = True
        delivery = Delivery(self._settings, pipe, progress, source[1], account_id)
        concurrency.spawn_background(delivery.run, thread_name="pipe")


class Delivery:
    """One run of a pipe, until its stream is read or a batch fails."""

    def __init__(
        self, settings: LauncherSettings, pipe: Pipe, progress: Progress, table_name: str, account_id: str
    ) -> None:
        self._pipe = pipe
        self._progress = progress
        self._table_name = table_name
        self._scope = {"account_id": account_id, "region": pipe["Source"].split(":")[3]}
        self._options = pipe["SourceParameters"].get("DynamoDBStreamParameters") or {}
        self._role = ServiceRole(
            arn=pipe["RoleArn"], service=PRINCIPAL, source_arn=pipe["Arn"], enforced=settings.enforce_iam
        )
        sender = SignedSender(
            role=self._role,
            session_name=pipe["Name"],
            region=self._scope["region"],
            endpoint_url=settings.endpoint_url,
        )
        self._deliverer = Deliverer(pipe=pipe, sender=sender)

    def run(self) -> None:
        """Deliver batch after batch."""
        try:
            while self._pipe.get("CurrentState") == "RUNNING" and self._deliver_batch():
                pass
        finally:
            self._progress.busy = False

    def _deliver_batch(self) -> bool:
        """Deliver the next batch; return whether to go on at once."""
        start = dynamodb.stream_start_position(self._table_name, **self._scope)
        position = max(int(pipes._positions.get(self._pipe["Arn"], 0)), start)
        size = int(self._options.get("BatchSize", 1))
        batch = dynamodb.stream_records_since(self._table_name, position, size, **self._scope)
        if not batch:
            return False
        try:
            for action in READS:
                self._role.check(f"dynamodb:{action}", self._pipe["Source"])
        except RoleDeniedError as error:
            self._pause(str(error))
            return False
        return self._deliver_chosen(batch, position)

    def _deliver_chosen(self, batch: list[Record], position: int) -> bool:
        chosen = [record for record in batch if self._passes(record)]
        try:
            if chosen:
                self._deliverer.deliver(chosen)
        except DeliveryError as error:
            first = batch.index(chosen[error.delivered_count])
            return self._fail(batch[first:], position + first, str(error))
        self._advance(position + len(batch))
        return True

    def _passes(self, record: Record) -> bool:
        criteria = self._pipe["SourceParameters"].get("FilterCriteria") or {}
        patterns = [json.loads(entry["Pattern"]) for entry in criteria.get("Filters") or []]
        return not patterns or any(lambda_svc._match_esm_filter(record, pattern) for pattern in patterns)

    def _fail(self, batch: list[Record], position: int, reason: str) -> bool:
        if position != pipes._positions.get(self._pipe["Arn"]):  # some of the batch were delivered
            self._advance(position)
        self._progress.tries += 1
        condition = self._exhausted(batch)
        if condition is None:
            self._pause(reason)
            return False
        self._set_aside(batch, condition)
        self._advance(position + len(batch))
        return True

    def _exhausted(self, batch: list[Record]) -> str | None:
        limit = int(self._options.get("MaximumRetryAttempts", UNLIMITED))
        if UNLIMITED < limit < self._progress.tries:
            return "RetryAttemptsExhausted"
        age_limit = int(self._options.get("MaximumRecordAgeInSeconds", UNLIMITED))
        if UNLIMITED < age_limit < time.time() - _created(batch[0]):
            return "MaxRecordAgeExceeded"
        return None

    def _set_aside(self, batch: list[Record], condition: str) -> None:
        target = (self._options.get("DeadLetterConfig") or {}).get("Arn")
        if not target:
            return
        content = {
            "context": {"partnerResourceArn": self._pipe["Arn"], "condition": condition},
            "version": "1.0",
            "timestamp": responses.now_iso(),
            "DDBStreamBatchInfo": {
                "shardId": SHARD,
                "startSequenceNumber": batch[0]["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": batch[-1]["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _iso(_created(batch[0])),
                "approximateArrivalOfLastRecord": _iso(_created(batch[-1])),
                "batchSize": len(batch),
                "streamArn": self._pipe["Source"],
            },
        }
        try:
            self._deliverer.send_dead_letter(target, content)
        except SendError as error:
            logger.error("pipe %s lost a dead letter: %s", self._pipe["Name"], error)  # noqa: TRY400 - said in full

    def _pause(self, reason: str) -> None:
        logger.warning("pipe %s: %s", self._pipe["Name"], reason)
        pause = min(PAUSE_SECONDS * max(1, self._progress.tries), LONGEST_PAUSE_SECONDS)
        self._progress.not_before = time.time() + pause

    def _advance(self, position: int) -> None:
        if pipes._pipes.get(self._pipe["Name"]) is not self._pipe:
            return  # it was deleted, and may have a successor of the same name
        pipes._positions[self._pipe["Arn"]] = position
        self._progress.tries, self._progress.not_before = 0, 0.0


def _poll_always() -> None:
    while True:
        try:
            pipes._poll_once()
        except Exception:
            # A pipe may be deleted while it is read. The next round polls again.
            logger.exception("pipes were not polled")
        time.sleep(POLL_SECONDS if pipes._pipes.has_any() else IDLE_SECONDS)


def _keep_parameters_of_calls() -> None:
    """Keep the parameters of CreatePipe and UpdatePipe too, not only those of templates."""
    create, update = pipes._create_pipe, pipes._update_pipe

    @functools.wraps(create)
    def create_and_keep(name: str, request: dict[str, Any]) -> Any:
        answer = create(name, request)
        if answer[0] == OK:
            stream = (request.get("SourceParameters") or {}).get("DynamoDBStreamParameters") or {}
            pipe = pipes._pipes[name] | {"StartingPosition": stream.get("StartingPosition", "LATEST")}
            pipes._pipes[name] = pipe
            pipes._positions[pipe["Arn"]] = pipes._initial_position(pipe)
            adopt_parameters(name, request)
        return answer

    @functools.wraps(update)
    def update_and_keep(name: str, request: dict[str, Any]) -> Any:
        answer = update(name, request)
        if answer[0] == OK:
            pipe = pipes._pipes[name]
            kept = {key: request[key] for key in ("SourceParameters", "TargetParameters") if key in request}
            adopt_parameters(name, pipe | kept)
        return answer

    pipes._create_pipe, pipes._update_pipe = create_and_keep, update_and_keep


def _created(record: Record) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
