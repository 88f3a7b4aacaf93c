"""Environment of the sweeper of requests: `RequestSweeper` writes it, the function reads it."""

from dataclasses import dataclass

from tsunagu.contracts.environment import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSweeperEnvironment(EnvironmentContract):
    """What the sweeper needs: of accepted requests, or of the HTTP requests of a web application.

    Attributes:
        request_scope: Scope of the requests: first part of the ids of their records. Of HTTP requests, the name in
            logs and metrics.
        idempotency_table_name: Table of the records.
        idempotency_window_seconds: Seconds from the end of a request until its record expires.
        function_timeout_seconds: Time-out of the sweeper.
        metrics_namespace: CloudWatch namespace of its metrics.
        sends_outboxes: Whether these are the HTTP requests of a web application. Then the sweeper sends the messages
            that they left unsent, and needs nothing of what follows but `web_place`. Default: they are accepted
            requests.
        web_place: Place of the web application; see `WebEnvironment.web_place`.
        dead_letter_queue_url: Queue of messages and events that were given up.
        deadline_seconds: Seconds after which a request without an end has failed.
        resend_after_seconds: Seconds after which a request is sent again for the first time.
        queue_url: Queue of the requests. Default: none, because the gateway invokes the worker itself.
        visibility_timeout_seconds: Visibility time-out of that queue.
        max_receive_count: Receives after which SQS itself moves a message to the dead-letter queue.
        completion_topic_arn: Topic that is told when a request failed or was cancelled. Default: none.
    """

    request_scope: str
    idempotency_table_name: str
    idempotency_window_seconds: int
    function_timeout_seconds: int
    metrics_namespace: str
    sends_outboxes: bool = False
    web_place: str = ""
    dead_letter_queue_url: str = ""
    deadline_seconds: int = 0
    resend_after_seconds: int = 0
    queue_url: str = ""
    visibility_timeout_seconds: int = 0
    max_receive_count: int = 0
    completion_topic_arn: str = ""
