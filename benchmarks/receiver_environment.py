"""The environment of our receiver, as its construct would write it."""

from benchmarks.events import QUEUE_ARN
from tsunagu.contracts.environment import ReceiverEnvironment


def receiver_environment(items_table: str) -> ReceiverEnvironment:
    """Return the environment of a receiver whose items are in `items_table`."""
    queue_url = "https://sqs.us-east-1.amazonaws.com/000000000000/payments"
    return ReceiverEnvironment(
        idempotency_table_name=items_table,
        idempotency_window_seconds=86_400,
        queue_arn=QUEUE_ARN,
        queue_url=queue_url,
        dead_letter_queue_url=f"{queue_url}-dead",
        notification_topic_arn="arn:aws:sns:us-east-1:000000000000:dead-letters",
        max_attempts=3,
        function_timeout_seconds=60,
        metrics_namespace="Benchmarks",
    )
