"""What a start loads: an ordinary first message is processed without the modules that most messages do not use."""

import json
import os
import subprocess
import sys

from benchmarks.dynamodb.process import running_server
from benchmarks.events import payment_event
from benchmarks.paths import PROJECT, child_environment
from benchmarks.receiver_environment import receiver_environment
from lambdas.contracts.payments import PaymentsEnvironment

PROGRAM = """
import json, os, sys
from lambdas.payments.handler import handler

class Context:
    def get_remaining_time_in_millis(self):
        return 30_000

answer = handler(json.loads(os.environ["EVENT"]), Context())
print(json.dumps({"answer": answer, "loaded": sorted(sys.modules)}))
"""
SELDOM_USED = {
    "boto3",
    "s3transfer",
    *(f"tsunagu.runtime.receiving.{name}" for name in ("relay", "dead_letters", "failures", "parking")),
    *(f"tsunagu.runtime.aws.{name}" for name in ("outbox", "sns", "sqs", "tasks", "entries", "tables", "s3")),
    *(f"tsunagu.runtime.sending.{name}" for name in ("outbox", "publish")),
    "tsunagu.runtime.idempotency.parked_groups",
    "tsunagu.runtime.claim_check",
    "tsunagu.runtime.table_reader",
}


def test_ordinary_message_loads_only_what_it_uses() -> None:
    with running_server(delay_ms=0) as server:
        answer, loaded = _processed(server.endpoint_url)

        assert answer == {"batchItemFailures": []}
        assert server.items("items") == {"COMPLETED": 1}
    assert {"botocore", "tsunagu.runtime.receiving.settlement"} <= loaded
    assert loaded.isdisjoint(SELDOM_USED)


def _processed(endpoint_url: str) -> tuple[object, set[str]]:
    variables = {
        **receiver_environment("items").to_environment(),
        **PaymentsEnvironment(payments_table_name="payments").to_environment(),
        "AWS_ENDPOINT_URL": endpoint_url,
        "EVENT": json.dumps(payment_event(0, 1)),
        "PYTHONPATH": os.fspath(PROJECT),
    }
    program = [sys.executable, "-c", PROGRAM]
    environment = child_environment(**variables)
    child = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    printed = json.loads(child.stdout.splitlines()[-1])
    return printed["answer"], set(printed["loaded"])
