"""Ctrl-C, `kill` and a closed terminal in the middle of a long verb: what was done is told and recorded."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.tsunagu.cli.conftest import Tsunagu
from tests.tsunagu.operations.shop import STACK, Shop
from tsunagu.operations.aws import Aws
from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.runtime.aws.sqs import SqsQueueSender

WHAT_NOW = "error: interrupted; what was under way may be half done: look before you repeat it\n"


@pytest.fixture
def shop(aws: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop()
    monkeypatch.setattr(Aws, "cloudformation", property(lambda _: made.cloudformation.client))
    return made


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Returns a function that lets a signal come in the second call of a method."""

    def arm(owner: type, name: str, number: int = signal.SIGINT) -> None:
        calls, own = [0], getattr(owner, name)

        def call(*arguments: Any) -> Any:
            calls[0] += 1
            if calls[0] == 2:
                os.kill(os.getpid(), number)
            return own(*arguments)

        monkeypatch.setattr(owner, name, call)

    return arm


def invoices(tmp_path: Path, count: int) -> str:
    path = tmp_path / "invoices.jsonl"
    path.write_text("".join(json.dumps({"number": number}) + "\n" for number in range(count)))
    return str(path)


def recorded() -> dict[str, Any]:
    """Return the last line of the record of changes."""
    logs = boto3.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/tsunagu/operator")["logStreams"]
    events = logs.get_log_events(logGroupName="/tsunagu/operator", logStreamName=stream["logStreamName"])["events"]
    found: dict[str, Any] = json.loads(events[-1]["message"])
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_send_prints_the_ids_that_were_sent_and_the_line_that_it_came_to(
    shop: Shop, tsunagu: Tsunagu, interrupt: Callable[..., None], tmp_path: Path, number: int
) -> None:
    interrupt(SqsQueueSender, "send", number)

    result = tsunagu("send", STACK, "--queue", "Legacy", "--file", invoices(tmp_path, 25), "--yes")

    assert result.code == 130
    assert len(result.out.split()) == 10
    assert result.err.endswith(
        f"sent 10 of 25 messages to {shop.queues['Legacy']}\n"
        "lines 11 to 20 may have been sent: look before you send them again\n"
        "line 21 and those behind it were not sent\n" + WHAT_NOW
    )
    record = recorded()
    assert (record["message"], record["sent"]) == ("change interrupted", 10)
    assert record["request_ids"] == result.out.split()


def test_export_keeps_the_letters_that_it_has(
    shop: Shop, tsunagu: Tsunagu, interrupt: Callable[..., None], tmp_path: Path
) -> None:
    for _ in range(11):
        shop.send("LegacyDead")
    interrupt(SqsDeadLetterSource, "receive")

    result = tsunagu("dlq", "export", "Legacy/Dead", "--output", str(tmp_path / "letters.jsonl"), "--stack", STACK)

    assert result.code == 130
    assert result.err == (
        f"exported 10 letters of Legacy/Dead to {tmp_path / 'letters.jsonl'} before it was interrupted, and not the "
        f"others\n{WHAT_NOW}"
    )
    assert len((tmp_path / "letters.jsonl").read_text().splitlines()) == 10


def test_discard_says_how_many_letters_are_gone_and_where_they_are_exported(
    shop: Shop, tsunagu: Tsunagu, interrupt: Callable[..., None], tmp_path: Path
) -> None:
    for _ in range(11):
        shop.send("LegacyDead")
    interrupt(SqsDeadLetterSource, "delete")
    path = tmp_path / "letters.jsonl"

    result = tsunagu("dlq", "purge", "Legacy/Dead", "--output", str(path), "--stack", STACK, "--yes")

    assert result.code == 130
    assert result.err.endswith(f"discarded 10 before it was interrupted; 11 are exported to {path}\n{WHAT_NOW}")
    assert (recorded()["message"], recorded()["discarded"]) == ("change interrupted", 10)
