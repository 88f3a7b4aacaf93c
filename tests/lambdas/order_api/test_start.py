"""The start of the order service: a function that serves its queue alone loads no web framework."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambdas.contracts.order_api import OrderApiEnvironment
from tests.tsunagu.runtime.world import QUEUE_ARN
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.web import WebEnvironment

PROJECT = Path(__file__).resolve().parents[3]
WEB_MODULES = ("fastapi", "starlette", "pydantic", "mangum", "anyio", "asyncio", "lambdas.order_api.app")
PROGRAM = """
import sys
from lambdas.order_api import handler, wiring
wiring.orders()
try:
    handler.handler({"Records": [{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:r:1:other"}]}, None)
except Exception as error:
    print(type(error).__name__)
print(*sys.modules)
"""


def loaded(*, serves_api: bool) -> list[str]:
    """Receive a batch in a process of its own; return what it printed, and the modules that it loaded."""
    receiver = ReceiverEnvironment(
        idempotency_table_name="items",
        idempotency_window_seconds=60,
        queue_arn=QUEUE_ARN,
        queue_url="https://sqs/queue",
        dead_letter_queue_url="https://sqs/dead",
        notification_topic_arn="arn:aws:sns:eu-central-1:111122223333:dead",
        max_attempts=3,
        function_timeout_seconds=10,
        metrics_namespace="Tsunagu",
    )
    web = WebEnvironment(
        idempotency_table_name="items",
        idempotency_window_seconds=60,
        function_timeout_seconds=10,
        metrics_namespace="Tsunagu",
        serves_api=serves_api,
    )
    own = OrderApiEnvironment(orders_table_name="orders")
    environment = receiver.to_environment() | web.to_environment() | own.to_environment()
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT,
        env={**environment, "AWS_DEFAULT_REGION": "eu-central-1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return child.stdout.split()


@pytest.mark.parametrize("serves_api", [False, True])
def test_function_loads_web_modules_only_if_it_serves_the_api(serves_api: bool) -> None:
    found = loaded(serves_api=serves_api)

    assert "UnroutableEventError" in found  # the receiver was made, and refused the message of another queue
    assert "botocore" in found
    web = {name for name in WEB_MODULES if name in found}
    assert web == (set(WEB_MODULES) - {"mangum"} if serves_api else set())  # Mangum comes with the first request
