"""`tsunagu start` and `tsunagu replay` against a server that answers as CloudFormation and Lambda do."""

import io
import json
import re
from pathlib import Path
from uuid import UUID

import pytest

from tests.tsunagu.account import REQUEST_ID, RUN_ID, Account
from tests.tsunagu.cli.conftest import Tsunagu
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts

STACK = "tsunagu-dev-order-pipeline"


@pytest.fixture
def order(tmp_path: Path) -> str:
    path = tmp_path / "order.json"
    path.write_text('{"order_id": "o-1", "注文": "繋ぐ"}', encoding="utf-8")
    return str(path)


def test_start_sends_the_document_and_prints_the_request_id(account: Account, order: str, tsunagu: Tsunagu) -> None:
    result = tsunagu("start", "orders", "--file", order, "--key", "k-1", "--from", "ship", "--yes")

    assert (result.code, result.out) == (0, f"{REQUEST_ID}\n")
    will, recorded, started = result.err.splitlines()
    assert will == f"stack {STACK}: will start a request of the pipeline orders at the step ship"
    assert recorded.startswith("recorded as arn:aws:iam::111122223333:user/operator in /aws/lambda/preprocessor ")
    assert started == f"run {RUN_ID} started"
    payload = {"order_id": "o-1", "注文": "繋ぐ"}
    assert account.commands == [{"action": "start", "payload": payload, "idempotency_key": "k-1", "from_step": "ship"}]


def test_start_without_a_key_has_one_of_its_own_so_that_a_repeated_call_starts_nothing_twice(
    account: Account, order: str, tsunagu: Tsunagu
) -> None:
    tsunagu("start", "orders", "--file", order, "--yes")
    tsunagu("start", "orders", "--file", order, "--yes")

    keys = {command["idempotency_key"] for command in account.commands}
    assert len(keys) == 2
    assert {UUID(key).version for key in keys} == {7}


def test_start_says_that_a_key_was_used_before(account: Account, order: str, tsunagu: Tsunagu) -> None:
    account.answer["status"] = "duplicate"

    result = tsunagu("start", "orders", "--file", order, "--key", "k-1", "--yes")

    assert result.out == f"{REQUEST_ID}\n"
    assert result.err.endswith(f"\nrun {RUN_ID} was started before\n")


def test_replay_asks_for_the_step_and_prints_the_new_run(account: Account, order: str, tsunagu: Tsunagu) -> None:
    result = tsunagu("replay", REQUEST_ID, "--from", "reserve", "--only", "billing", "--payload", order, "--yes")

    assert (result.code, result.out) == (0, f"{RUN_ID}\n")
    (command,) = account.commands
    assert UUID(command.pop("idempotency_key")).version == 7
    assert command == {
        "action": "replay",
        "request_id": REQUEST_ID,
        "from_step": "reserve",
        "only": "billing",
        "payload": {"order_id": "o-1", "注文": "繋ぐ"},
    }


VERBS = {
    "start": ("start", "orders", "--file", "ORDER"),
    "replay": ("replay", REQUEST_ID, "--from", "ship", "--only", "shipping"),
}
WHAT = {
    "start": "start a request of the pipeline orders",
    "replay": f"replay the request {REQUEST_ID} of the pipeline orders from the step ship, shipping only",
}


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_started_without_consent(
    account: Account, order: str, tsunagu: Tsunagu, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    arguments = [order if each == "ORDER" else each for each in VERBS[verb]]

    refused, dry = tsunagu(*arguments), tsunagu(*arguments, "--dry-run")

    assert (refused.code, refused.err) == (
        1,
        f"error: {verb} must be confirmed, and there is no terminal to ask on: add --yes to {WHAT[verb]}\n",
    )
    assert (dry.code, dry.err) == (0, f"stack {STACK}: would {WHAT[verb]}; dry run, so nothing was changed\n")
    assert (account.commands, account.lines) == ([], [])


@pytest.mark.parametrize("verb", VERBS)
def test_a_protected_stack_needs_force(account: Account, order: str, tsunagu: Tsunagu, verb: str) -> None:
    account.protected = {STACK}
    arguments = [*(order if each == "ORDER" else each for each in VERBS[verb]), "--yes"]

    refused, forced = tsunagu(*arguments), tsunagu(*arguments, "--force")

    assert refused.err == (
        f"error: the stack {STACK} must not be protected, got termination protection: add --force to {WHAT[verb]}\n"
    )
    assert (refused.code, forced.code, len(account.commands)) == (1, 0, 1)


@pytest.mark.parametrize("verb", VERBS)
def test_who_started_what_is_recorded_with_its_ids(account: Account, order: str, tsunagu: Tsunagu, verb: str) -> None:
    tsunagu(*(order if each == "ORDER" else each for each in VERBS[verb]), "--yes")

    start, end = account.lines
    assert account.groups == ["/aws/lambda/preprocessor"]
    assert (start["message"], start["command"], start["what"], start["stack"]) == (
        "change started",
        verb,
        WHAT[verb],
        STACK,
    )
    assert (end["message"], end["request_id"], end["run_id"]) == ("change ended", REQUEST_ID, RUN_ID)


def test_refusal_of_the_preprocessor_is_one_sentence(account: Account, tsunagu: Tsunagu) -> None:
    account.fails = True
    account.answer = {"errorType": "UnknownStepError", "errorMessage": "the step must be reserve or ship, got pack"}

    result = tsunagu("replay", REQUEST_ID, "--from", "pack", "--yes")

    assert (result.code, result.out) == (1, "")
    assert result.err.endswith(
        "\nerror: the preprocessor must accept the command, got: the step must be reserve or ship, got pack\n"
    )


@pytest.mark.parametrize("error_type", ["RequestInProgressError", "NotPublishedError", "Sandbox.Timedout"])
def test_command_that_may_be_retried_is_reported_with_its_key(
    account: Account, order: str, tsunagu: Tsunagu, error_type: str
) -> None:
    account.fails = True
    account.answer = {"errorType": error_type, "errorMessage": "ask again with the same key"}

    result = tsunagu("start", "orders", "--file", order, "--yes")

    key = account.commands[0]["idempotency_key"]
    assert result.err.endswith(
        "\nerror: the preprocessor must accept the command, got: ask again with the same key; "
        f"a retry with the idempotency key {key} starts nothing twice\n"
    )


@pytest.mark.parametrize("request_id", ["../x", "x", REQUEST_ID.upper(), f"{REQUEST_ID}/x"])
def test_text_that_is_not_a_request_id_is_refused_before_anything_is_called(
    account: Account, tsunagu: Tsunagu, request_id: str
) -> None:
    result = tsunagu("replay", request_id, "--from", "ship")

    assert (result.code, result.out) == (1, "")
    assert re.match("error: the request id must be a UUID of version 7 in lower case, got ", result.err)
    assert account.commands == []


def test_a_pipeline_that_is_not_deployed_is_named(account: Account, order: str, tsunagu: Tsunagu) -> None:
    result = tsunagu("start", "orders", "--file", order, "--stage", "prod")

    assert result.code == 1
    assert result.err.startswith(
        "error: the stage must be a part of a stack's name, such as tsunagu-prod-… or …-prod, got the stacks "
    )


def test_a_document_too_large_to_invoke_with_is_refused(account: Account, tmp_path: Path, tsunagu: Tsunagu) -> None:
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"note": "x" * 6_291_456}))

    result = tsunagu("start", "orders", "--file", str(path))

    assert result.code == 1
    assert result.err.startswith("error: the payload must fit into an invocation of 6,291,456 bytes, got 6,291,")
    assert account.commands == []


def test_half_a_surrogate_pair_is_refused(account: Account, tmp_path: Path, tsunagu: Tsunagu) -> None:
    path = tmp_path / "order.json"
    path.write_text('{"note": "\\ud800"}')

    result = tsunagu("start", "orders", "--file", str(path))

    assert (result.code, result.err) == (
        1,
        "error: the text of --file must be JSON in Unicode, got half a surrogate pair\n",
    )


def test_a_pipeline_of_another_team_is_found_by_its_metadata(account: Account, order: str, tsunagu: Tsunagu) -> None:
    part = Part(kind=Kind.PIPELINE, name="claims", path="Claims")
    account.stacks["insurance"] = {}
    account.templates["insurance"] = {
        "Resources": {"P": {"Type": "AWS::Lambda::Function", "Metadata": {METADATA_KEY: write_parts([part])}}}
    }
    account.physical_ids["P"] = "preprocessor"

    assert tsunagu("start", "claims", "--file", order, "--yes").out == f"{REQUEST_ID}\n"


def test_one_of_several_pipelines_must_be_named(account: Account, tsunagu: Tsunagu) -> None:
    account.stacks["tsunagu-dev-returns"] = {"PipelineName": "returns", "PreprocessorFunctionName": "preprocessor"}

    result = tsunagu("replay", REQUEST_ID, "--from", "ship")

    assert result.err == (
        "error: --pipeline must name one pipeline, got orders of tsunagu-dev-order-pipeline, "
        "returns of tsunagu-dev-returns\n"
    )
