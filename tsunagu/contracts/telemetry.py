"""Names of metrics, of log keys and of log messages: one name for one thing, in code, dashboards and documentation."""

from enum import StrEnum

METRICS_NAMESPACE = "Tsunagu"
SERVICE_DIMENSION = "service"  # Powertools' name for it


class Metric(StrEnum):
    """Metrics of a receiver, each a count with the unit Count."""

    MESSAGES_PROCESSED = "MessagesProcessed"
    DUPLICATES_SKIPPED = "DuplicatesSkipped"
    MESSAGES_SENT = "MessagesSent"
    MESSAGES_RETURNED = "MessagesReturned"
    ATTEMPTS_FAILED = "AttemptsFailed"
    MESSAGES_DEAD_LETTERED = "MessagesDeadLettered"
    LEASES_LOST = "LeasesLost"
    CALLS_FAILED = "CallsFailed"


class LogKey(StrEnum):
    """Keys that a log line may carry beside those of Lambda's own JSON format; nothing else gets through."""

    SERVICE = "service"
    REQUEST_ID = "request_id"
    CAUSE_REQUEST_ID = "cause_request_id"  # of the request that a message came from, where it is one of its own
    MESSAGE_ID = "message_id"
    ITEM_ID = "item_id"
    FENCING_TOKEN = "fencing_token"  # noqa: S105 - a number, no secret
    ATTEMPTS = "attempts"
    ERROR_TYPE = "error_type"
    ERROR_LOCATION = "error_location"
    RECORD_COUNT = "record_count"
    RETURNED_COUNT = "returned_count"
    XRAY_TRACE_ID = "xray_trace_id"
