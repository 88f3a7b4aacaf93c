"""The command in a child process, against the deployed app."""

import json
from pathlib import Path

import pytest

from cdk_app.demo.driver import drain
from cdk_app.demo.payment_findings import Balance
from tests.e2e.command import tsunagu
from tests.e2e.deployed import Deployment


def payment(number: int, account: str) -> str:
    return json.dumps({"payment_id": f"{account}-{number}", "account": account, "amount": number, "currency": "EUR"})


@pytest.mark.parametrize("queue", ["fifo", "standard"])
def test_payments_of_a_file_take_effect(settled: Deployment, tmp_path: Path, queue: str) -> None:
    account = f"sent-{queue}"
    path = tmp_path / "payments.jsonl"
    path.write_text("\n".join(payment(number, account) for number in range(1, 24)))

    group_by = ("--group-by", "account") if queue == "fifo" else ()
    place = ("--queue", queue, *group_by, "--stage", "embedded", "--yes")
    result = tsunagu(settled.cloud, "send", "payments", "--file", str(path), *place)

    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) == 23
    drain(settled.cloud, settled.queues, patience_seconds=300)
    assert settled.table().balances[account, "EUR"] == Balance(amount=276, payments=23)


def test_one_bad_line_stops_all(settled: Deployment) -> None:
    lines = f"{payment(1, 'never')}\n{{\n"

    result = tsunagu(
        settled.cloud,
        *("send", "payments", "--file", "-", "--queue", "standard", "--stage", "embedded"),
        standard_input=lines,
    )

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: the message of line 2 must be JSON, got an error at line 1, column 2")
    assert ("never", "EUR") not in settled.table().balances


def test_a_stage_that_is_not_deployed_is_named(settled: Deployment) -> None:
    result = tsunagu(
        settled.cloud,
        *("send", "payments", "--file", "-", "--queue", "standard", "--stage", "prod"),
        standard_input=payment(1, "never"),
    )

    assert result.returncode == 1
    sentence = "error: the stack payments of the stage prod must be deployed, got none of this name"
    assert result.stderr.startswith(sentence)
