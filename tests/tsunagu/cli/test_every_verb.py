"""Every verb: what goes wrong is one sentence on standard error and exit code 1 or 2, and never a traceback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer

from tests.tsunagu.cli.conftest import Tsunagu
from tests.tsunagu.cli.hostile_aws import ANSWERS, served
from tests.tsunagu.operations.fake_cloudformation import FakeCloudFormation, FakeStack
from tsunagu.cli.command import app
from tsunagu.operations.aws import Aws

STACK = ("--stack", "shop")
# Each verb that asks AWS, with what it needs at least. A test says that none is missing.
LINES: dict[str, tuple[str, ...]] = {
    "status": ("shop",),
    "why": ("o-1", *STACK),
    "find": ("--key", "o-1", *STACK),
    "send": ("--queue", "orders", "--file", "messages.jsonl", *STACK),
    "start": ("orders", "--file", "request.json", *STACK),
    "trace": ("0198c1f0-0000-7000-8000-000000000001", *STACK),
    "runs": (*STACK,),
    "replay": ("0198c1f0-0000-7000-8000-000000000001", "--from", "ship", *STACK),
    "capacity": ("shop",),
    "graph": ("shop", "--output", "shop.svg"),
    "run": ("nightly", *STACK),
    "lease list": (*STACK,),
    "lease release": ("nightly", "--yes", *STACK),
    "dlq list": (*STACK,),
    "dlq show": ("0198c1f0", "orders", *STACK),
    "dlq export": ("orders", "--output", "letters.jsonl", *STACK),
    "dlq redrive": ("orders", "--yes", *STACK),
    "dlq edit": ("0198c1f0", "orders", "--file", "request.json", "--yes", *STACK),
    "dlq discard": ("orders", "--reason", "x", "--yes", *STACK),
    "dlq purge": ("orders", "--yes", *STACK),
}
LOCAL = ("up", "env", "down", "init", "cost diff")  # these ask no AWS


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each verb with its name."""
    if not hasattr(command, "commands"):  # typer has groups of its own
        yield name, command
        return
    for part, each in command.commands.items():
        yield from leaves(each, f"{name} {part}".strip())


VERBS = dict(leaves(typer.main.get_command(app)))


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, a region, a folder with the files that verbs read, and no second try of a call."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "messages.jsonl").write_text('{"order_id": "o-1"}\n')
    (tmp_path / "request.json").write_text('{"order_id": "o-1"}')
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_SESSION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-central-1")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def fails(tsunagu: Tsunagu, verb: str, *more: str) -> str:
    """Run a verb, which must fail as every verb fails; return the sentence."""
    result = tsunagu(*verb.split(), *LINES[verb], *more)

    assert "Traceback" not in result.err
    assert result.code == 1, result.err
    assert result.err.startswith("error: "), result.err
    assert result.err.count("\n") == 1, result.err
    assert result.out == ""
    return result.err.removeprefix("error: ").rstrip("\n")


def test_each_verb_is_in_the_table() -> None:
    assert {*LINES, *LOCAL} == set(VERBS)


def test_each_verb_that_changes_something_has_the_options_of_the_guard() -> None:
    """`up` and `down` act on the cloud of this folder, which is gone with it: nobody needs to be asked."""
    looks = {"status", "why", "find", "trace", "graph", "capacity", "lease list", "dlq list", "dlq show", "dlq export"}
    guarded = {
        verb for verb, command in VERBS.items() if {"yes", "force", "dry_run"} <= {each.name for each in command.params}
    }

    assert guarded == {*LINES} - looks


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_option_has_exit_code_2(verb: str, tsunagu: Tsunagu) -> None:
    result = tsunagu(*verb.split(), *LINES.get(verb, ()), "--no-such-option")

    assert (result.code, result.out) == (2, "")
    assert "No such option: --no-such-option" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("verb", [verb for verb, command in VERBS.items() if any(p.required for p in command.params)])
def test_missing_argument_has_exit_code_2_and_names_it(verb: str, tsunagu: Tsunagu) -> None:
    result = tsunagu(*verb.split())

    assert (result.code, result.out) == (2, "")
    assert "Missing" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("verb", LINES)
def test_no_server_is_one_sentence_that_says_how_to_start_one(
    verb: str, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    assert fails(tsunagu, verb).startswith("the embedded cloud must run at http://127.0.0.1:1, got no answer")


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("verb", LINES)
def test_answer_that_is_none_is_one_sentence(
    verb: str, name: str, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(ANSWERS[name]) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        sentence = fails(tsunagu, verb)

    assert sentence.startswith(EXPECTED[name]), sentence


EXPECTED = {
    "denies": "IAM must allow cloudformation:DescribeStacks",
    "is overloaded": "AWS must have room for DescribeStacks",
    "is broken": "AWS must answer the command's calls",
    "answers garbage": "AWS must answer the command's calls",
    "breaks off": "the connection to AWS must hold",
}


@pytest.mark.parametrize("verb", LINES)
def test_no_credentials_are_one_sentence(verb: str, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    assert fails(tsunagu, verb).startswith("credentials must be given")


@pytest.mark.parametrize("verb", LINES)
def test_no_region_is_one_sentence(verb: str, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)

    assert fails(tsunagu, verb).startswith("a region must be given")


@pytest.mark.parametrize("verb", LINES)
def test_stack_that_is_not_deployed_is_one_sentence_that_names_it(
    verb: str, tsunagu: Tsunagu, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = FakeCloudFormation(FakeStack(name="other", template={}))
    monkeypatch.setattr(Aws, "cloudformation", property(lambda _: empty.client))

    assert "shop" in fails(tsunagu, verb)


@pytest.fixture
def huge(monkeypatch: pytest.MonkeyPatch) -> FakeCloudFormation:
    """A stack of 600 resources, six pages, that has nothing of this library."""
    resources: dict[str, Any] = {f"Topic{number}": {"Type": "AWS::SNS::Topic"} for number in range(600)}
    made = FakeCloudFormation(FakeStack(name="shop", template={"Resources": resources}))
    monkeypatch.setattr(Aws, "cloudformation", property(lambda _: made.client))
    return made


@pytest.mark.parametrize(
    "verb", [verb for verb in LINES if verb not in {"graph", "why", "find", "status", "lease list"}]
)
def test_name_that_a_huge_stack_does_not_have_is_one_sentence(
    verb: str, tsunagu: Tsunagu, huge: FakeCloudFormation, aws: None
) -> None:
    fails(tsunagu, verb)


def test_huge_stack_is_read_page_by_page(tsunagu: Tsunagu, huge: FakeCloudFormation, aws: None) -> None:
    result = tsunagu("status", "shop", "--json")

    assert (result.code, result.err) == (0, "")
    assert huge.calls["ListStackResources"] == 6
