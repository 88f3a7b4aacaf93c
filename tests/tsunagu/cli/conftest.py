import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.tsunagu.account import Account
from tsunagu.cli import main


@dataclass(frozen=True)
class Result:
    code: int | str | None
    out: str
    err: str


Tsunagu = Callable[..., Result]


@pytest.fixture
def tsunagu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tsunagu:
    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["tsunagu", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        printed = capsys.readouterr()
        return Result(leaving.value.code, printed.out, printed.err)

    return run


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with a pipeline `orders` and a FIFO queue in the stage `dev`."""
    account = Account(
        stacks={
            "tsunagu-dev-order-pipeline": {"PipelineName": "orders", "PreprocessorFunctionName": "preprocessor"},
            "tsunagu-dev-invoices": {"FifoQueueUrl": "https://sqs.example/invoices.fifo"},
        }
    )
    with account.served(monkeypatch):
        yield account
