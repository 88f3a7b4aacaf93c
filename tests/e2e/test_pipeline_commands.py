"""`tsunagu start`, `trace` and `replay` in child processes, against the deployed pipeline."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import tsunagu
from tests.e2e.order_desk import OrderDesk

ORDER = {
    "order_id": "command-1",
    "customer": "command-customer",
    "lines": [{"sku": "command-article", "quantity": 2}],
    "currency": "EUR",
    "note": "注文",
}


def command(desk: OrderDesk, *arguments: str, standard_input: str = "") -> subprocess.CompletedProcess[str]:
    return tsunagu(desk.cloud, *arguments, "--stage", "embedded", standard_input=standard_input)


def traced(desk: OrderDesk, request_id: str) -> list[dict[str, Any]]:
    result = command(desk, "trace", request_id, "--json")
    assert result.returncode == 0, result.stderr
    runs: list[dict[str, Any]] = json.loads(result.stdout)["runs"]
    return runs


@pytest.fixture(scope="module")
def request_id(settled_desk: OrderDesk) -> str:
    """A request that was started by the command twice, and is done."""
    arguments = ("start", "orders", "--file", "-", "--key", "command-key", "--yes")
    first, second = (command(settled_desk, *arguments, standard_input=json.dumps(ORDER)) for _ in range(2))
    settled_desk.drain()
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert "was started before" in second.stderr
    return first.stdout.strip()


def test_a_trace_has_every_service_of_the_run(settled_desk: OrderDesk, request_id: str) -> None:
    (run,) = traced(settled_desk, request_id)

    assert (run["from_step"], run["status"], run["is_done"]) == ("reserve", "COMPLETED", True)
    assert [(each["step"], each["service"], each["status"]) for each in run["services"]] == [
        ("reserve", "inventory", "COMPLETED"),
        ("reserve", "billing", "COMPLETED"),
        ("ship", "shipping", "COMPLETED"),
    ]
    table = command(settled_desk, "trace", request_id).stdout
    assert f"run {run['run_id']}, published " in table
    assert "command-customer" not in table


def test_a_replay_of_one_service_is_a_new_run_beside_the_old_one(settled_desk: OrderDesk, request_id: str) -> None:
    result = command(settled_desk, "replay", request_id, "--from", "reserve", "--only", "billing", "--yes")
    settled_desk.drain()

    assert result.returncode == 0, result.stderr
    first, *_, last = traced(settled_desk, request_id)
    assert last["run_id"] == result.stdout.strip()
    assert (last["only"], last["base_run_id"], last["is_done"]) == ("billing", first["run_id"], True)
    effects = settled_desk.table().effects
    counts = [effects["command-1", effect] for effect in ("RESERVATION", "CHARGE", "SHIPMENT")]
    assert counts == [1, 2, 2]


def test_a_replay_takes_an_edited_payload(settled_desk: OrderDesk, request_id: str, tmp_path: Path) -> None:
    path = tmp_path / "edited.json"
    path.write_text(json.dumps({**ORDER, "order_id": "command-2"}), encoding="utf-8")

    result = command(settled_desk, "replay", request_id, "--from", "reserve", "--payload", str(path), "--yes")
    settled_desk.drain()

    assert result.returncode == 0, result.stderr
    assert settled_desk.table().effects["command-2", "SHIPMENT"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("replay", "{}", "--from", "pack", "--yes"), "the step must be one of ['reserve', 'ship'], got another"),
        (("replay", "{}", "--from", "ship", "--only", "billing", "--yes"), "only must be one of ['shipping']"),
        (("replay", "../x", "--from", "ship"), "the request id must be a UUID of version 7 in lower case"),
        (("trace", "../x"), "the request id must be a UUID of version 7 in lower case"),
        (("trace", "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"), "of which no run is recorded"),
        (("start", "orders", "--file", "-"), "the text of --file must be JSON, got an error at"),
        (("start", "orders", "--file", "-", "--from", "pack"), "the text of --file must be "),
    ],
)
def test_a_refusal_is_one_sentence(
    settled_desk: OrderDesk, request_id: str, arguments: tuple[str, ...], sentence: str
) -> None:
    result = command(settled_desk, *(argument.format(request_id) for argument in arguments))

    assert (result.returncode, result.stdout) == (1, "")
    *_, last = result.stderr.splitlines()
    assert last.startswith("error: ")
    assert sentence in last


def unfinished(desk: OrderDesk, request_id: str) -> list[tuple[str, str, str]]:
    """What the unfinished runs of a request wait for."""
    result = command(desk, "runs", "orders", "--older-than", "0s", "--json")
    assert result.returncode == 0, result.stderr
    runs = [run for run in json.loads(result.stdout) if run["request_id"] == request_id]
    return [(wait["step"], wait["service"], wait["cause"]) for run in runs for wait in run["waits"]]


def swept(desk: OrderDesk) -> dict[str, int]:
    """Invoke the sweeper of runs, for which every run that is not done is too old."""
    client, name = desk.cloud.client("lambda"), desk.stack["RunSweeperFunctionName"]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert before["LONGEST_RUN_SECONDS"] == "86400"
    variables = {**before, "LONGEST_RUN_SECONDS": "0"}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    answer: dict[str, int] = json.loads(client.invoke(FunctionName=name)["Payload"].read())
    client.update_function_configuration(FunctionName=name, Environment={"Variables": before})
    return answer


def test_a_run_whose_message_was_purged_is_listed_and_counted_until_it_is_replayed(settled_desk: OrderDesk) -> None:
    desk = settled_desk
    swept(desk)
    others = swept(desk)["unfinished"]
    with desk.stopped("shipping"):
        arguments = ("start", "orders", "--file", "-", "--key", "purged-key", "--yes")
        started = command(desk, *arguments, standard_input=json.dumps({**ORDER, "order_id": "purged-1"}))
        desk.drain("inventory", "billing")
        desk.cloud.client("sqs").purge_queue(QueueUrl=desk.queues["shipping"].queue_url)
    request_id = started.stdout.strip()

    assert unfinished(desk, request_id) == [("ship", "shipping", "NOT_RECEIVED")]
    assert swept(desk)["unfinished"] == others + 1
    assert request_id in command(desk, "runs", "--older-than", "0s").stdout
    assert request_id not in command(desk, "runs").stdout

    command(desk, "replay", request_id, "--from", "ship", "--yes")
    desk.drain()
    assert unfinished(desk, request_id) == []
    assert swept(desk)["unfinished"] == others
