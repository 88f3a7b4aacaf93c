"""What is assumed: the load, and how long things take."""

from dataclasses import dataclass

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Seconds that a handler waits for a call, or works; assumed, not measured.

    Attributes:
        s3_put: Writing or copying an object.
        s3_get: Reading one.
        publish: A batch to SNS or SQS.
        dynamodb: A call that writes or reads items.
        transaction: A `TransactWriteItems`.
        work: Processor time for one message.
    """

    s3_put: float = 0.030
    s3_get: float = 0.020
    publish: float = 0.015
    dynamodb: float = 0.005
    transaction: float = 0.010
    work: float = 0.005


DURATIONS = Durations()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load of messages or requests, in us-east-1.

    Attributes:
        message_bytes: JSON of a message, or of the body of a request.
        batch: Messages of one invocation, on average, 1 to 10.
        writes: Items of at most 1 KB that the business writes for a message.
        duplicates: Share of messages that are delivered a second time, after they are done. None fails.
        memory_gib: Memory of each function, of arm64. Default: that of `HandlerFunction`.
        platform_log_bytes: Bytes of the lines that Lambda itself logs for an invocation, as JSON.
        access_log_bytes: Bytes of the line of an API's access log, which our APIs have.
        work_seconds: How long the business function of an accepted request runs.
        results: Objects of its result, which it writes to S3.
        polls: How often the caller asks for the status. Default: never, because the plain design has none.
        sweep_seconds: How long one run of the sweeper takes.
        ticks_of_a_run: How many ticks come while one run works: all but one of them are skipped.
        requests_per_second: Pace of accepted requests, at all hours. It shares out what is paid by the hour.
        durations: How long calls take.

    Raises:
        ValueError: The batch is out of range.
    """

    message_bytes: int = 1_024
    batch: int = SQS_ENTRIES_PER_BATCH
    writes: int = 1
    duplicates: float = 0.01
    memory_gib: float = 0.25
    platform_log_bytes: int = 500
    access_log_bytes: int = 400
    work_seconds: float = 1.0
    results: int = 1
    polls: int = 0
    sweep_seconds: float = 1.0
    ticks_of_a_run: int = 5
    requests_per_second: float = 1.0
    durations: Durations = DURATIONS

    def __post_init__(self) -> None:
        """Refuse a batch that a queue does not deliver."""
        if not 1 <= self.batch <= SQS_ENTRIES_PER_BATCH:
            msg = f"batch must be between 1 and {SQS_ENTRIES_PER_BATCH} messages, got {self.batch}"
            raise ValueError(msg)
