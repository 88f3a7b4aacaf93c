"""The environment that a construct would write for the handler, with the names of the fakes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tsunagu.contracts.environment import ParkingEnvironment, ReceiverEnvironment
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.contracts.requests import RequestEnvironment
from tsunagu.contracts.schedules import ScheduledJobEnvironment
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.contracts.web import WebEnvironment
from tsunagu.runtime.functions.adapters import FunctionStart
from tsunagu.testing.events.places import ACCOUNT, QUEUE_ARN, REGION
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS

IDEMPOTENCY_TABLE = "idempotency"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/messages"
PIPELINE, STEP, SERVICE = "pipeline", "step", "service"
NEXT_TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:next-step"
COMPLETION_TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:completions"
DEAD_LETTER_TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a construct decides about a handler. The defaults are those of the constructs, where they have one.

    Attributes:
        fifo: Whether the queue is a FIFO one.
        max_attempts: Attempts after which a message is dead-lettered.
        window_seconds: Seconds from the last claim or outcome of an item until its key is new again.
        lease_seconds: Length of a lease that heartbeats extend. Default: as long as the invocation, which is 10 s.
        batch_size: Most messages of one invocation.
        parks_groups: Whether a dead message parks the later ones of its FIFO group.
        environment: More environment variables: those that the handler reads itself.
    """

    fifo: bool = False
    max_attempts: int = 3
    window_seconds: int = 86_400
    lease_seconds: int | None = None
    batch_size: int = 10
    parks_groups: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def queue_arn(self) -> str:
        """ARN of the queue."""
        return f"{QUEUE_ARN}.fifo" if self.fifo else QUEUE_ARN

    def variables(self, start: FunctionStart) -> dict[str, str]:
        """Return the environment variables of a handler."""
        lease_seconds = self.lease_seconds
        if lease_seconds is None and start.decorator == "scheduled_job":
            lease_seconds = FUNCTION_TIMEOUT_SECONDS
        receiver = ReceiverEnvironment(
            idempotency_table_name=IDEMPOTENCY_TABLE,
            idempotency_window_seconds=self.window_seconds,
            queue_arn=self.queue_arn,
            queue_url=f"{QUEUE_URL}.fifo" if self.fifo else QUEUE_URL,
            dead_letter_queue_url=f"{QUEUE_URL}-dead-letters",
            notification_topic_arn=DEAD_LETTER_TOPIC_ARN,
            max_attempts=self.max_attempts,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            metrics_namespace=METRICS_NAMESPACE,
            lease_seconds=lease_seconds,
            log_tracebacks=True,
            publish_error_text=True,
        )
        lambda_own = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": "handler"}
        parking = ParkingEnvironment(parks_groups=self.parks_groups).to_environment()
        return {
            **lambda_own,
            **receiver.to_environment(),
            **parking,
            **_own(start, self.window_seconds, receiver.queue_url),
            **self.environment,
        }


def _own(start: FunctionStart, window_seconds: int, queue_url: str) -> dict[str, str]:
    """Return the variables of one kind of handler."""
    match start.decorator:
        case "pipeline_service":
            return ServiceEnvironment(
                pipeline=PIPELINE,
                step=STEP,
                service=SERVICE,
                siblings=SERVICE,
                next_step="",
                next_topic_arn=NEXT_TOPIC_ARN,
                claim_bucket_name="claims",
            ).to_environment()
        case "scheduled_job":
            return ScheduledJobEnvironment(job=start.name).to_environment()
        case "accepted_request":
            return RequestEnvironment(
                request_scope=start.name, result_bucket_name="results", completion_topic_arn=COMPLETION_TOPIC_ARN
            ).to_environment()
        case "MessageRouter":
            return WebEnvironment(
                idempotency_table_name=IDEMPOTENCY_TABLE,
                idempotency_window_seconds=window_seconds,
                function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
                metrics_namespace=METRICS_NAMESPACE,
                log_tracebacks=True,
                queue_url=queue_url,
            ).to_environment()
        case _:
            return {}
