"""Environment of the functions of a pipeline, which `ServicePipeline` writes, and the partitions of its open runs."""

import hashlib
from dataclasses import dataclass

from tsunagu.contracts.environment import EnvironmentContract

INLINE_BYTES = 65_536
LARGEST_PAYLOAD_BYTES = 10 * 1_048_576
HOP_LIMIT = 32


def run_partition(pipeline: str, digit: str) -> str:
    """Return a partition of the index of open runs (`contracts.requests.OPEN_INDEX`): one of 16.

    Requests and HTTP requests have partitions in the same index: theirs have no dot before the first `#` or an `@`.

    Args:
        pipeline: Name of the pipeline.
        digit: A hexadecimal digit in lower case.
    """
    return f"{pipeline}.runs#{digit}"


def run_partition_of(pipeline: str, item_id: str) -> str:
    """Return the partition of the item of a start."""
    return run_partition(pipeline, hashlib.sha256(item_id.encode()).hexdigest()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEnvironment(EnvironmentContract):
    """The environment of each service of a pipeline, besides `ReceiverEnvironment`.

    Attributes:
        pipeline: Name of the pipeline.
        step: Name of the service's step.
        service: Name of the service.
        siblings: Names of all services of the step, this one included, separated by commas.
        next_step: Name of the next step; empty for the last step.
        next_topic_arn: Topic of the next step, or the completion topic.
        claim_bucket_name: Bucket of JSON that is too large for a message.
        inline_bytes: Largest JSON, in bytes of UTF-8, that travels in a message.
        largest_payload_bytes: Largest JSON, in bytes, that is read from the bucket or written to it.
        hop_limit: Hops after which a message is refused, so that a loop ends.
    """

    pipeline: str
    step: str
    service: str
    siblings: str
    next_step: str
    next_topic_arn: str
    claim_bucket_name: str
    inline_bytes: int = INLINE_BYTES
    largest_payload_bytes: int = LARGEST_PAYLOAD_BYTES
    hop_limit: int = HOP_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessorEnvironment(EnvironmentContract):
    """The environment of the preprocessor of a pipeline.

    Attributes:
        pipeline: Name of the pipeline.
        steps: The steps in order, as JSON: `[{"name": …, "topic_arn": …, "services": […]}, …]`.
        claim_bucket_name: Bucket of JSON that is too large for a message.
        idempotency_table_name: Table of the items of starts and services.
        idempotency_window_seconds: How long a start is remembered, in seconds.
        function_timeout_seconds: Longest time of one invocation, in seconds.
        metrics_namespace: CloudWatch namespace of its metrics.
        inline_bytes: Largest JSON, in bytes of UTF-8, that travels in a message.
        largest_payload_bytes: Largest JSON, in bytes, that the pipeline accepts.
        hop_limit: Hops after which a message is refused, so that a loop ends.
        single_writes: Whether items are written by single conditional writes, instead of batches of PartiQL.
        pipeline_place: Account, region, stack and path of the pipeline. Starts of a pipeline elsewhere with the same
            name and table are not taken for its own. Default: not compared.
        marks_runs: Whether the write that commits a start puts its run into the index of open runs. Default: it does
            not, and unfinished runs are not found.
    """

    pipeline: str
    steps: str
    claim_bucket_name: str
    idempotency_table_name: str
    idempotency_window_seconds: int
    function_timeout_seconds: int
    metrics_namespace: str
    inline_bytes: int = INLINE_BYTES
    largest_payload_bytes: int = LARGEST_PAYLOAD_BYTES
    hop_limit: int = HOP_LIMIT
    single_writes: bool = False
    pipeline_place: str = ""
    marks_runs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSweeperEnvironment(EnvironmentContract):
    """The environment of the sweeper of a pipeline's runs.

    Attributes:
        pipeline: Name of the pipeline.
        steps: The steps in order, as in `PreprocessorEnvironment`.
        idempotency_table_name: Table of the items of starts and services.
        function_timeout_seconds: Time-out of the sweeper, in seconds.
        metrics_namespace: CloudWatch namespace of its metrics.
        longest_run_seconds: Age of a run, in seconds, from which it is counted as unfinished.
    """

    pipeline: str
    steps: str
    idempotency_table_name: str
    function_timeout_seconds: int
    metrics_namespace: str
    longest_run_seconds: int
