"""`tsunagu status`, `why` and `find` in a child process, against the deployed app, beside plain calls of AWS."""

import json
from typing import Any

import pytest

from tests.e2e.command import tsunagu
from tests.e2e.deployed import Deployment, Run
from tests.e2e.test_receive_once import REASONS
from tsunagu.operations.queues import count_messages

STAGE = ("--stage", "embedded")
STACK = "tsunagu-embedded-payments"


@pytest.fixture(scope="module")
def payments(settled: Deployment) -> dict[str, Any]:
    result = tsunagu(settled.cloud, "status", "payments", *STAGE, "--json")

    assert result.returncode == 1, result.stderr  # there are dead letters
    (stack,) = json.loads(result.stdout)["stacks"]
    return dict(stack)


def test_status_counts_what_sqs_counts(settled: Deployment, payments: dict[str, Any]) -> None:
    sqs = settled.cloud.client("sqs")

    assert payments["name"] == STACK
    shown = {queue["url"]: sum(queue["depth"]) for queue in payments["queues"]}
    assert shown == {queue.queue_url: count_messages(sqs, queue.queue_url) for queue in settled.queues}
    letters = {queue["url"]: queue["count"] for queue in payments["dead_letter_queues"]}
    assert letters == {
        queue.dead_letter_queue_url: count_messages(sqs, queue.dead_letter_queue_url) for queue in settled.queues
    }


def test_status_names_consumers_and_what_needs_a_person(payments: dict[str, Any]) -> None:
    consumers = {queue["name"]: queue["consumers"] for queue in payments["queues"]}

    assert [(name, [each["mapping"]["state"] for each in found]) for name, found in consumers.items()] == [
        ("Fifo", ["Enabled"]),
        ("Standard", ["Enabled"]),
    ]
    commands = [need["command"] for need in payments["needs"]]
    assert f"tsunagu dlq list Fifo --stack {STACK}" in commands
    assert payments["denied"] == []


@pytest.mark.slow
def test_all_stacks_of_the_stage_are_shown_without_a_name(settled: Deployment) -> None:
    result = tsunagu(settled.cloud, "status", "--json")

    # Other tests deploy stacks of theirs to the same cloud.
    names = [stack["name"] for stack in json.loads(result.stdout)["stacks"]]
    assert [name for name in names if name.startswith("tsunagu-embedded-")] == [
        f"tsunagu-embedded-{part}" for part in ("order-api", "order-pipeline", "payments", "reports", "supplier-sync")
    ]


def test_why_of_a_dead_letter_says_its_reason_and_the_commands_that_help(settled: Deployment, run: Run) -> None:
    lines = [json.loads(text) for text in run.log_lines]
    # A handler that is killed takes its line with it, so this begins with a line that is there.
    request_id = next(line["request_id"] for line in lines if line.get("message") == "message dead-lettered")

    result = tsunagu(settled.cloud, "why", request_id, *STAGE)

    assert result.returncode == 0, result.stderr
    assert "now: dead-lettered" in result.stdout
    assert any(reason in result.stdout for reason in REASONS.values())
    assert "tsunagu dlq redrive" in result.stdout
    assert f"--stack {STACK}" in result.stdout


def test_find_leads_from_a_business_key_to_its_item(settled: Deployment, run: Run) -> None:
    key = next(iter(run.table.payments.values())).payment.payment_id

    result = tsunagu(settled.cloud, "find", "--key", key, *STAGE, "--json")

    assert result.returncode == 0, result.stderr
    (found,) = json.loads(result.stdout)["items"]
    items = {item["id"]["S"]: item["status"]["S"] for item in run.items}
    assert items[found["item_id"]] == found["item"]["status"] == "COMPLETED"


@pytest.mark.slow
def test_why_of_an_unknown_id_has_exit_code_1(settled: Deployment) -> None:
    result = tsunagu(settled.cloud, "why", "never-seen", *STAGE)

    assert result.returncode == 1
    assert result.stdout.startswith("nothing is recorded of never-seen")


@pytest.mark.slow
def test_a_job_is_found_without_a_stage(settled: Deployment) -> None:
    assert "job supplier-sync" in tsunagu(settled.cloud, "why", "supplier-sync").stdout
    assert "supplier-sync" in tsunagu(settled.cloud, "lease", "list").stdout
