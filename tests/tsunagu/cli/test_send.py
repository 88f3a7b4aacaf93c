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
        (("invoices", "--queue", "fifo", "--stage", "prod"), "the stack tsunagu-prod-invoices must be deployed"),
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


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tsunagu: Tsunagu, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "invoices.jsonl"
    if content is not None:
        path.write_bytes(content)

    result = tsunagu("send", "invoices", "--file", str(path), "--queue", "fifo")

    assert result.code == 1
    assert result.err.startswith(f"error: --file must name a readable UTF-8 file, got {path}")
