"""The guard of verbs that change something, with moto's CloudWatch Logs."""

import io
import json
from typing import Any

import boto3
import pytest

from tests.tsunagu.account import Account
from tsunagu.cli.changes import Change, ChangeOptions, agreed, recorded
from tsunagu.contracts.flows import Kind, Part
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.change_log import OWN_GROUP, STREAM_PREFIX
from tsunagu.operations.deployed_stacks import DeployedStack
from tsunagu.operations.inventory import StackInventory, StackResource

GROUP = "/aws/lambda/orders"
ASK, YES = ChangeOptions(), ChangeOptions(yes=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def stack(*, termination_protected: bool = False, protected: bool = False) -> StackInventory:
    part = Part(kind=Kind.RECEIVER, name="Orders", protected=protected)
    resource = StackResource(
        stack_name="shop", logical_id="F", physical_id="f", type="AWS::Lambda::Function", parts=[part]
    )
    deployed = DeployedStack(name="shop", outputs={}, termination_protected=termination_protected)
    return StackInventory(stack=deployed, resources=[resource])


def change(**settings: Any) -> Change:
    return Change(**{"command": "lease release", "what": "release the lease of sync", "log_group": GROUP, **settings})


@pytest.fixture
def group(aws: None) -> str:
    boto3.client("logs").create_log_group(logGroupName=GROUP)
    return GROUP


def lines(group: str) -> list[dict[str, Any]]:
    events = boto3.client("logs").filter_log_events(logGroupName=group)["events"]
    assert all(event["logStreamName"].startswith(f"{STREAM_PREFIX}/20") for event in events)
    return [json.loads(event["message"]) for event in events]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"termination_protected": True}, "termination protection"),
        ({"protected": True}, "protect=True of its constructs"),
    ],
)
def test_a_protected_stack_is_refused_without_force(settings: dict[str, bool], why: str) -> None:
    with pytest.raises(CommandError) as refusal:
        agreed(change(stack=stack(**settings)), YES)

    assert str(refusal.value) == (
        f"the stack shop must not be protected, got {why}: add --force to release the lease of sync"
    )
    assert agreed(change(stack=stack(**settings)), ChangeOptions(yes=True, force=True))


def test_without_a_terminal_it_must_be_confirmed_by_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    with pytest.raises(CommandError, match="there is no terminal to ask on: add --yes to release the lease of sync"):
        agreed(change(), ASK)


def test_on_a_terminal_it_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))

    assert agreed(change(details=["it is held by jo"], stack=stack()), ASK)
    assert capsys.readouterr().err.startswith("it is held by jo\nStack shop: release the lease of sync? [y/N]")


def test_no_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))

    with pytest.raises(CommandError, match="must be confirmed, got no; nothing was changed"):
        agreed(change(), ASK)


def test_dry_run_says_what_would_change_even_of_a_protected_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert not agreed(change(stack=stack(protected=True)), ChangeOptions(dry_run=True))
    assert capsys.readouterr().err == "stack shop: would release the lease of sync; dry run, so nothing was changed\n"


def test_a_change_is_recorded_with_who_what_and_how_it_ended(group: str) -> None:
    with recorded(Aws(), change(stack=stack()), YES) as record:
        record.note(moved=3)

    start, end = lines(group)
    who = boto3.client("sts").get_caller_identity()["Arn"]
    assert (start["message"], end["message"], end["moved"]) == ("change started", "change ended", 3)
    for line in (start, end):
        assert (line["who"], line["command"], line["what"], line["stack"]) == (
            who,
            "lease release",
            "release the lease of sync",
            "shop",
        )
    assert start["change_id"] == end["change_id"]


@pytest.mark.parametrize(
    ("error", "message", "fields"),
    [
        (CommandError("half of it"), "change failed", {"error_type": "CommandError", "error": "half of it"}),
        (KeyboardInterrupt(), "change interrupted", {}),
    ],
)
def test_a_change_that_ends_early_says_so(
    group: str, error: BaseException, message: str, fields: dict[str, str]
) -> None:
    with pytest.raises(type(error)), recorded(Aws(), change(), YES):
        raise error

    end = lines(group)[-1]
    assert end["message"] == message
    assert fields.items() <= end.items()


def test_a_change_without_a_function_has_a_group_of_its_own(aws: None) -> None:
    for _ in range(2):
        with recorded(Aws(), change(log_group=""), YES):
            pass

    assert len(lines(OWN_GROUP)) == 4


def test_a_change_of_a_function_that_has_never_logged_is_in_the_group_without_a_function(aws: None) -> None:
    with recorded(Aws(), change(), YES) as record:
        pass

    assert record.place.startswith(f"{OWN_GROUP} {STREAM_PREFIX}/")
    assert [line["message"] for line in lines(OWN_GROUP)] == ["change started", "change ended"]


def test_who_may_not_write_beside_the_function_writes_where_no_function_is(account: Account) -> None:
    account.denied_groups = {GROUP}

    with recorded(Aws(), change(), YES):
        pass

    assert account.groups == [OWN_GROUP]
    assert [line["message"] for line in account.lines] == ["change started", "change ended"]


def test_what_cannot_be_recorded_is_not_done_without_force(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []
    account.denied_groups = {GROUP, OWN_GROUP}

    sentence = (
        rf"must be recorded in {GROUP} or {OWN_GROUP}, got: not allowed: .*CreateLogStream.*; nothing was changed"
    )
    with pytest.raises(CommandError, match=sentence), recorded(Aws(), change(), YES):
        done.append("without force")
    with recorded(Aws(), change(), ChangeOptions(yes=True, force=True)):
        done.append("with force")

    assert done == ["with force"]
    assert "goes on because of --force" in capsys.readouterr().err
