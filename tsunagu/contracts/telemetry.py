"""Names of metrics and of log keys, as code, dashboards and documentation use them."""

from enum import StrEnum

METRICS_NAMESPACE = "Tsunagu"
SERVICE_DIMENSION = "service"  # Powertools' name for it
FUNCTION_DIMENSION = "function_name"  # a construct knows its function, but no service; two stages differ by it


class Metric(StrEnum):
    """Metrics of a receiver; the unit of each is Count."""

    MESSAGES_PROCESSED = "MessagesProcessed"
    DUPLICATES_SKIPPED = "DuplicatesSkipped"
    MESSAGES_SENT = "MessagesSent"
    MESSAGES_RETURNED = "MessagesReturned"
    ATTEMPTS_FAILED = "AttemptsFailed"
    MESSAGES_DEAD_LETTERED = "MessagesDeadLettered"
    MESSAGES_PARKED = "MessagesParked"
    LEASES_LOST = "LeasesLost"
    CALLS_FAILED = "CallsFailed"
    FAILURES_AFTER_COMMIT = "FailuresAfterCommit"
    CONFIGURATION_FAULTS = "ConfigurationFaults"
    KEYS_MIXED_UP = "KeysMixedUp"
    STALE_RUNS_SKIPPED = "StaleRunsSkipped"  # of a scheduled job
    REQUESTS_RESENT = "RequestsResent"  # by the sweeper of accepted requests
    REQUESTS_FAILED = "RequestsFailed"  # ended by it: their time was over, or SQS or Lambda gave them up
    RUNS_UNFINISHED = "RunsUnfinished"  # of a pipeline: older than the longest run, at each look of their sweeper


class LogKey(StrEnum):
    """Keys that a log line may have, besides those of Lambda's own JSON format. Other keys are removed."""

    SERVICE = "service"
    REQUEST_ID = "request_id"
    CAUSE_REQUEST_ID = "cause_request_id"  # of the request that sent a message, where the message starts a new one
    MESSAGE_ID = "message_id"
    ITEM_ID = "item_id"
    RECEIVER = "receiver"  # of an item that belongs to another receiver
    GROUP_ID = "group_id"  # message group of a parked message, and the item of the message that it waits for
    HEAD = "head"
    JOB = "job"  # a scheduled job, and the number of its run
    RUN = "run"
    FENCING_TOKEN = "fencing_token"  # noqa: S105 - a number, no secret
    ATTEMPTS = "attempts"
    ERROR_TYPE = "error_type"
    ERROR_LOCATION = "error_location"  # of the innermost frame in the handler's own package
    ERROR_TRACEBACK = "error_traceback"  # with `log_tracebacks` only; it has places and names of functions, no values
    OPERATION = "operation"  # of a call that failed: what was called, of which resource, and the service's error code
    RESOURCE = "resource"
    ERROR_CODE = "error_code"
    RECORD_COUNT = "record_count"
    RETURNED_COUNT = "returned_count"
    XRAY_TRACE_ID = "xray_trace_id"  # Powertools' name: of the message in hand, else of the invocation
    TRACE_ID = "trace_id"  # OpenTelemetry's name: of a message with a `traceparent`
