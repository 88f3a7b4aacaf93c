"""What the shell completes, asked as a shell asks."""

import pytest

from tests.tsunagu.account import Account
from tests.tsunagu.cli.conftest import Tsunagu
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts


@pytest.fixture
def complete(account: Account, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch) -> "Complete":
    part = Part(kind=Kind.PIPELINE, name="claims", path="Claims")
    account.stacks["insurance"] = {}
    account.templates["insurance"] = {
        "Resources": {"P": {"Type": "AWS::Lambda::Function", "Metadata": {METADATA_KEY: write_parts([part])}}}
    }
    return Complete(tsunagu, monkeypatch)


class Complete:
    def __init__(self, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tsunagu = tsunagu
        self._monkeypatch = monkeypatch

    def __call__(self, line: str) -> list[str]:
        self._monkeypatch.setenv("_TSUNAGU_COMPLETE", "complete_bash")
        self._monkeypatch.setenv("COMP_WORDS", line)
        self._monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return self._tsunagu().out.split()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("tsunagu status ins", ["insurance"]),
        ("tsunagu trace --stack tsunagu-dev-i", ["tsunagu-dev-invoices"]),
        ("tsunagu trace --stage ", ["dev"]),
        ("tsunagu start c", ["claims"]),
        ("tsunagu stat", ["status"]),
    ],
)
def test_names_of_the_account_are_completed(complete: Complete, line: str, names: list[str]) -> None:
    assert complete(line) == names


def test_stages_in_names_of_other_teams_are_completed(complete: Complete, account: Account) -> None:
    account.stacks.update({"bookings-prod": {}, "Test-Warehouse": {}})

    assert complete("tsunagu trace --stage ") == ["Test", "dev", "prod"]


def test_without_an_account_nothing_is_completed(complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    assert complete("tsunagu status ins") == []
