import io
from pathlib import Path

import pytest

from tests.tsunagu.account import Account
from tests.tsunagu.cli.conftest import Tsunagu


@pytest.fixture
def invoices(tmp_path: Path) -> str:
    path = tmp_path / "invoices.jsonl"
    path.write_text('{"number": "i-1"}\n')
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("invoices", "--queue", "fifo"), "--group-by must name the field that is the message group"),
        (("invoices", "--queue", "fifo", "--group-by", "customer"), "line 1: customer must be a text"),
        (("invoices", "--queue", "orders"), "the stack tsunagu-dev-invoices must have the queue orders, got fifo"),
        (("--stack-name", "tsunagu-dev-invoices", "--queue", "orders"), "must have the queue orders, got fifo"),
        (("invoices", "--queue", "fifo", "--stage", "prod"), "the stack invoices of the stage prod must be deployed"),
        (("--queue", "fifo"), "either STACK or --stack must name the stack, got none"),
        (("invoices", "--stack-name", "x", "--queue", "fifo"), "either STACK or --stack must name the stack, got both"),
    ],
)
def test_refusal_is_one_sentence(
    account: Account, tsunagu: Tsunagu, invoices: str, arguments: tuple[str, ...], sentence: str
) -> None:
    result = tsunagu("send", *arguments, "--file", invoices)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {sentence}") or f" {sentence}" in result.err
    assert result.err.count("\n") == 1


def test_messages_are_not_sent_without_consent(
    account: Account, tsunagu: Tsunagu, invoices: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    arguments = ("send", "invoices", "--queue", "fifo", "--group-by", "number", "--file", invoices, "--stage", "dev")

    refused, dry = tsunagu(*arguments), tsunagu(*arguments, "--dry-run")

    assert refused.code == 1
    assert refused.err == (
        "error: send must be confirmed, and there is no terminal to ask on: "
        "add --yes to send 1 message to the queue fifo\n"
    )
    assert dry.err == (
        "stack tsunagu-dev-invoices: would send 1 message to the queue fifo; dry run, so nothing was changed\n"
    )
    assert account.lines == []


def test_refused_messages_are_recorded_as_a_failed_change(account: Account, tsunagu: Tsunagu, invoices: str) -> None:
    failed = {"Id": "0", "Code": "InvalidMessageContents", "Message": "no", "SenderFault": True}
    account.json_answers["SendMessageBatch"] = (200, {"Successful": [], "Failed": [failed]})

    result = tsunagu(
        "send", "invoices", "--queue", "fifo", "--group-by", "number", "--file", invoices, "--stage", "dev", "--yes"
    )

    assert result.code == 1
    assert "sent 0 of 1 message to https://sqs.example/invoices.fifo\n" in result.err
    assert [line["message"] for line in account.lines] == ["change started", "change failed"]
    assert (account.lines[-1]["sent"], account.lines[-1]["refused"]) == (0, 1)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tsunagu: Tsunagu, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "invoices.jsonl"
    if content is not None:
        path.write_bytes(content)

    result = tsunagu("send", "invoices", "--file", str(path), "--queue", "fifo")

    assert result.code == 1
    assert result.err.startswith(f"error: --file must name a readable UTF-8 file, got {path}")
