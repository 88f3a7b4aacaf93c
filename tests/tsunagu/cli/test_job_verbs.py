"""`tsunagu run` and `tsunagu lease`: they find the job by the metadata of its state machine, or by outputs."""

import io
import json
import re
from typing import Any

import pytest

from tests.tsunagu.account import Account
from tests.tsunagu.cli.conftest import Tsunagu
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts

EXECUTION = "arn:aws:states:eu-central-1:111122223333:execution:sync:1"
MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:sync"
REFUSED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}


def item(owner: str = EXECUTION) -> dict[str, Any]:
    return {
        "id": {"S": "supplier-sync:job"},
        "owner": {"S": owner},
        "run": {"N": "7"},
        "slot": {"S": "2026-11-28T14:00:00Z"},
        "lease": {"N": "1795878000999"},
        "since": {"N": "1795874401000"},
    }


@pytest.fixture(autouse=True)
def job(account: Account) -> Account:
    account.stacks["tsunagu-dev-supplier-sync"] = {
        "JobName": "supplier-sync",
        "JobStateMachineArn": MACHINE,
        "JobTableName": "items",
    }
    account.json_answers = {
        "GetItem": (200, {"Item": item()}),
        "UpdateItem": (200, {}),
        "StartExecution": (200, {"executionArn": EXECUTION, "startDate": 1}),
    }
    return account


def test_run_starts_an_execution_for_this_second_and_prints_its_arn(tsunagu: Tsunagu, job: Account) -> None:
    result = tsunagu("run", "supplier-sync", "--yes")

    assert (result.code, result.out) == (0, f"{EXECUTION}\n")
    assert result.err.startswith("stack tsunagu-dev-supplier-sync: will start a run of the job supplier-sync\n")
    ((operation, asked),) = job.asked
    assert (operation, asked["stateMachineArn"]) == ("StartExecution", MACHINE)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", json.loads(asked["input"])["slot"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "run must be confirmed, and there is no terminal to ask on: add --yes to start a run of the job"),
        (("--dry-run",), "would start a run of the job supplier-sync; dry run, so nothing was changed"),
        (("--yes",), "must not be protected, got termination protection: add --force to start a run of the job"),
    ],
)
def test_run_is_not_started_without_consent_and_never_on_a_protected_stack(
    tsunagu: Tsunagu, job: Account, options: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    if "--yes" in options:
        job.protected = {"tsunagu-dev-supplier-sync"}

    result = tsunagu("run", "supplier-sync", *options)

    assert (result.code == 0) == ("--dry-run" in options)
    assert sentence in result.err
    assert (result.out, job.asked, job.lines) == ("", [], [])


def test_run_is_recorded_with_its_execution(tsunagu: Tsunagu, job: Account) -> None:
    tsunagu("run", "supplier-sync", "--yes")

    start, end = job.lines
    assert (start["command"], start["stack"]) == ("run", "tsunagu-dev-supplier-sync")
    assert (end["message"], end["execution"]) == ("change ended", EXECUTION)


def test_job_without_outputs_is_found_by_the_metadata_of_its_state_machine(tsunagu: Tsunagu, job: Account) -> None:
    part = Part(kind=Kind.JOB, name="nightly", path="Nightly")
    job.stacks["theirs"] = {}
    job.templates["theirs"] = {
        "Resources": {
            "M": {"Type": "AWS::StepFunctions::StateMachine", "Metadata": {METADATA_KEY: write_parts([part])}},
            "F": {"Type": "AWS::Lambda::Function"},
        }
    }
    job.physical_ids = {"M": MACHINE, "F": "worker"}
    environment = {"JOB": "nightly", "IDEMPOTENCY_TABLE_NAME": "their-items"}
    job.rest_answers["/functions/worker/configuration"] = {"Environment": {"Variables": environment}}

    assert tsunagu("run", "nightly", "--yes").out == f"{EXECUTION}\n"
    assert tsunagu("lease", "list", "--stack", "theirs").code == 0
    assert job.asked[-1][1]["TableName"] == "their-items"


def test_job_of_two_stacks_must_be_named_with_its_stack(tsunagu: Tsunagu, job: Account) -> None:
    job.stacks["tsunagu-prod-supplier-sync"] = job.stacks["tsunagu-dev-supplier-sync"]

    result = tsunagu("run", "supplier-sync")

    assert (result.code, job.asked) == (1, [])
    assert result.err == (
        "error: the job supplier-sync must be in one stack, got tsunagu-dev-supplier-sync, tsunagu-prod-supplier-sync: "
        "name one with --stack\n"
    )
    assert tsunagu("run", "supplier-sync", "--stage", "prod", "--yes").code == 0


def test_job_that_is_not_deployed_is_one_sentence_with_those_that_are(tsunagu: Tsunagu) -> None:
    result = tsunagu("run", "suplier-sync", "--stage", "dev")

    assert result.code == 1
    assert result.err == (
        "error: the stacks of the stage dev in eu-central-1 must have the job suplier-sync, got supplier-sync: "
        "did you mean supplier-sync?\n"
    )


def test_job_is_found_in_a_stack_of_another_name(tsunagu: Tsunagu, job: Account) -> None:
    job.stacks["sync"] = {"JobName": "sync", "JobStateMachineArn": MACHINE, "JobTableName": "items"}

    assert tsunagu("run", "sync", "--stack-name", "sync", "--yes").code == 0
    assert tsunagu("run", "sync", "--stage", "dev").code == 1


def test_list_says_who_holds_the_lease_since_when_and_when_it_ends(tsunagu: Tsunagu) -> None:
    result = tsunagu("lease", "list")

    assert result.out.splitlines() == [
        "supplier-sync: held for run 7 for 2026-11-28T14:00:00Z",
        f"  by an execution: {EXECUTION}",
        "  since 2026-11-28T14:00:01Z, ends by itself at 2026-11-28T15:00:00Z",
    ]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"Item": item(owner="")}, "free, after run 7 for 2026-11-28T14:00:00Z"),
        ({}, "never run"),
    ],
)
def test_list_says_what_is_free(tsunagu: Tsunagu, job: Account, answer: dict[str, Any], state: str) -> None:
    job.json_answers["GetItem"] = (200, answer)

    assert tsunagu("lease", "list").out == f"supplier-sync: {state}\n"


def test_list_says_that_the_execution_has_ended(tsunagu: Tsunagu, job: Account) -> None:
    job.json_answers["DescribeExecution"] = (200, {"status": "ABORTED", "executionArn": EXECUTION})

    assert f"  by an execution that has ended: {EXECUTION}\n" in tsunagu("lease", "list").out


class Terminal(io.StringIO):
    """Standard input on a terminal, where somebody has typed an answer."""

    def isatty(self) -> bool:
        return True


def test_release_says_who_holds_the_lease_and_asks(
    tsunagu: Tsunagu, job: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))

    result = tsunagu("lease", "release", "supplier-sync")

    assert result.code == 1
    assert f"run 7 of supplier-sync for 2026-11-28T14:00:00Z is held by {EXECUTION}" in result.err
    assert "since 2026-11-28T14:00:01Z; it ends by itself at 2026-11-28T15:00:00Z" in result.err
    assert "must be confirmed" in result.err
    assert [operation for operation, _ in job.asked] == ["GetItem"]
    assert job.lines == []


@pytest.mark.parametrize("is_asked", [True, False])
def test_release_frees_the_lease_that_was_shown(
    tsunagu: Tsunagu, job: Account, monkeypatch: pytest.MonkeyPatch, *, is_asked: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))

    result = tsunagu("lease", "release", "supplier-sync", *([] if is_asked else ["--yes"]))

    assert result.code == 0
    operation, asked = job.asked[-1]
    assert (operation, asked["Key"]) == ("UpdateItem", {"id": {"S": "supplier-sync:job"}})
    assert asked["ExpressionAttributeValues"] == {":free": {"S": ""}, ":owner": {"S": EXECUTION}, ":run": {"N": "7"}}
    assert ("Stack tsunagu-dev-supplier-sync: release the lease of supplier-sync?" in result.err) == is_asked


def test_release_says_that_the_execution_has_ended(tsunagu: Tsunagu, job: Account) -> None:
    assert "goes on waiting, stop it" in tsunagu("lease", "release", "supplier-sync", "--yes").err

    job.json_answers["DescribeExecution"] = (200, {"status": "ABORTED", "executionArn": EXECUTION})

    assert "supplier-sync; its execution has ended\n" in tsunagu("lease", "release", "supplier-sync", "--yes").err


def test_release_is_recorded_with_who_and_how_it_ended(tsunagu: Tsunagu, job: Account) -> None:
    tsunagu("lease", "release", "supplier-sync", "--yes")

    assert [(line["message"], line["who"], line["command"]) for line in job.lines] == [
        ("change started", "arn:aws:iam::111122223333:user/operator", "lease release"),
        ("change ended", "arn:aws:iam::111122223333:user/operator", "lease release"),
    ]
    assert job.lines[-1]["run"] == 7
    assert len({line["change_id"] for line in job.lines}) == 1


def test_release_of_a_lease_that_was_taken_meanwhile_is_one_sentence(tsunagu: Tsunagu, job: Account) -> None:
    job.json_answers["UpdateItem"] = (400, REFUSED)

    result = tsunagu("lease", "release", "supplier-sync", "--yes")

    assert result.code == 1
    assert "error: the lease of the job supplier-sync must not change while it is released" in result.err
    assert [line["message"] for line in job.lines] == ["change started", "change failed"]


@pytest.mark.parametrize("answer", [{"Item": item(owner="")}, {}])
def test_free_lease_cannot_be_released(tsunagu: Tsunagu, job: Account, answer: dict[str, Any]) -> None:
    job.json_answers["GetItem"] = (200, answer)

    result = tsunagu("lease", "release", "supplier-sync", "--yes")

    assert (result.code, [operation for operation, _ in job.asked]) == (1, ["GetItem"])
    assert "must be held to be released, got a free one" in result.err


def test_item_of_another_form_is_one_sentence(tsunagu: Tsunagu, job: Account) -> None:
    job.json_answers["GetItem"] = (200, {"Item": {"id": {"S": "supplier-sync:job"}}})

    result = tsunagu("lease", "list")

    assert result.code == 1
    assert result.err == "error: the item of the job supplier-sync must have the form of this release, got KeyError\n"
