"""Environment of a web application that consumes a queue, the names that its callers see, and ids of its requests."""

import hashlib
from dataclasses import dataclass

from tsunagu.contracts.environment import EnvironmentContract

TYPE_NAME = "type"  # of the message attribute, or of the field of the body, that has the type of a message

IDEMPOTENCY_KEY_HEADER = "idempotency-key"
# https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
IDEMPOTENCY_KEY_LENGTHS = range(1, 256)
REPLAYED_HEADER = "idempotency-replayed"  # of an answer that was stored before

# Who gave up an outbox that can never be sent: the attribute `told` of the item has it.
GIVEN_UP = "sweeper"


def web_request_space(scope: str) -> str:
    """Return the key space of the HTTP requests of a scope. A queue's has an `@`, and a pipeline's a dot."""
    return f"{scope}~requests"


def unsent_partition(place: str, digit: str) -> str:
    """Return a partition of the index of open requests (`contracts.requests.OPEN_INDEX`): one of 16.

    It has the HTTP requests whose messages are not sent yet. No scope of accepted requests has an `@`.

    Args:
        place: `web_place` of their application. Another one of the same table has other partitions.
        digit: A hexadecimal digit in lower case.
    """
    return f"web@{place}#{digit}"


def unsent_partition_of(place: str, item_id: str) -> str:
    """Return the partition of an item."""
    return unsent_partition(place, hashlib.sha256(item_id.encode()).hexdigest()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class WebEnvironment(EnvironmentContract):
    """What a function with a web application needs, besides the `ReceiverEnvironment` of its queue.

    The names that both records have mean the same. A function that serves HTTP alone has this record only.

    Attributes:
        idempotency_table_name: Table of the idempotency items.
        idempotency_window_seconds: Seconds that an `Idempotency-Key` and its answer are remembered.
        function_timeout_seconds: Time-out of the function.
        metrics_namespace: CloudWatch namespace of the metrics.
        single_writes: Whether items are written by single conditional writes, instead of batches of PartiQL.
        log_tracebacks: Whether a log line of an error has its traceback, without values.
        web_place: Account, region, stack and path of the application. Items of another application with the same scope
            and table are not taken for its own. Default: not compared.
        serves_api: Whether the function answers HTTP. False: it does not import the application.
        serves_queue: Whether the function consumes the queue. False: an event of SQS is refused.
        queue_url: URL of the queue, where a route may send to it. Default: it may not, or there is no queue.
    """

    idempotency_table_name: str
    idempotency_window_seconds: int
    function_timeout_seconds: int
    metrics_namespace: str
    single_writes: bool = False
    log_tracebacks: bool = False
    web_place: str = ""
    serves_api: bool = True
    serves_queue: bool = True
    queue_url: str = ""
