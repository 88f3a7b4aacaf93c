"""Each verb works with the policies of `OperatorAccess`, under IAM, and a reader can change nothing."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clouds import shared_cloud
from tests.e2e.command import TSUNAGU
from tests.e2e.job_desk import JobDesk, eventually
from tests.e2e.job_stack import JOB
from tests.e2e.job_stack import STACK_NAME as JOB_STACK
from tests.e2e.operator_stack import OPERATOR, READER, synthesize_operated
from tests.e2e.wide_stack import STACK_NAME as WIDE_STACK
from tsunagu.contracts import schedules
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import count_messages

pytestmark = pytest.mark.slow  # it deploys two stacks of its own

ORDER = {"order_id": "o-1", "customer": "c", "lines": [{"sku": "tea", "quantity": 1}], "currency": "EUR"}
REFUSED = re.compile(r"not authorized|IAM must allow")
# The embedded cloud does not see the rule of this call, so that it asks for the action on all resources.
ASKED_ON_EVERYTHING = {"events:ListTargetsByRule"}
QUEUE = "Probe"  # the dead-letter queue of the job's channel
LATER = 4_102_444_800_000  # the end of a lease in the year 2100, in milliseconds


@dataclass(frozen=True, slots=True)
class Desk:
    """The deployed stacks, and the people at them."""

    cloud: EmbeddedCloud
    outputs: Mapping[str, Mapping[str, str]]
    folder: Path

    @property
    def job(self) -> JobDesk:
        return JobDesk(cloud=self.cloud, outputs=self.outputs[JOB_STACK])

    def letters(self) -> int:
        return count_messages(self.cloud.client("sqs"), self.outputs[JOB_STACK]["DeadLetterQueueUrl"])

    def call(self, who: str, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb as somebody, about a stack."""
        role = self.outputs[stack][f"{who}RoleArn"]
        keys = self.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName=who)["Credentials"]
        credentials = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }
        return subprocess.run(
            [TSUNAGU, *arguments, "--stack", stack],
            env=os.environ | self.cloud.environment() | credentials,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def done(self, who: str, stack: str, *arguments: str) -> str:
        """Run a verb that must work, and return what it prints."""
        result = self.call(who, stack, *arguments)
        assert result.returncode == 0, result.stderr
        assert "AccessDenied" not in result.stdout + result.stderr
        return result.stdout

    def refused(self, stack: str, *arguments: str) -> str:
        """Run a verb that must be refused to a reader, and return its error."""
        result = self.call(READER, stack, *arguments)
        assert result.returncode == 1, result.stdout
        return result.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("operators")
    (folder / "order.json").write_text(json.dumps(ORDER))
    (folder / "messages.jsonl").write_text('{"number": 1}\n')
    assembly = synthesize_operated(folder / "cdk.out")
    with shared_cloud(folder / "cloud") as cloud:
        yield Desk(cloud, cloud.deploy(assembly), folder)


@pytest.fixture(scope="module")
def letters(desk: Desk) -> Desk:
    """The desk after two runs that failed for good."""
    for _ in range(2):
        assert desk.job.run(fail=1).status == "FAILED"
    eventually(lambda: desk.letters() == 2, seconds=60)
    return desk


@pytest.mark.parametrize(
    ("stack", "verb"),
    [
        (JOB_STACK, ("lease", "list")),
        (JOB_STACK, ("graph", "--live", "--format", "mermaid", "--permissions", "--keys")),
        (JOB_STACK, ("dlq", "list", "--letters")),
        (WIDE_STACK, ("dlq", "list")),
        (WIDE_STACK, ("runs",)),
    ],
    ids=str,
)
def test_a_reader_looks(letters: Desk, stack: str, verb: Sequence[str]) -> None:
    letters.done(READER, stack, *verb)


@pytest.mark.parametrize("stack", [JOB_STACK, WIDE_STACK])
def test_nothing_of_the_status_is_unknown_to_a_reader(letters: Desk, stack: str) -> None:
    status = json.loads(letters.call(READER, stack, "status", "--json").stdout)

    [found] = status["stacks"]
    assert {each["action"] for each in found["denied"]} <= ASKED_ON_EVERYTHING


def test_a_reader_sees_a_letter_with_its_item_and_log_lines(letters: Desk) -> None:
    listed = json.loads(letters.done(READER, JOB_STACK, "dlq", "list", "--letters", "--json"))
    [letter_id, *_] = [each["id"] for queue in listed["queues"] for each in queue.get("letters", [])]

    shown = letters.done(READER, JOB_STACK, "dlq", "show", letter_id, QUEUE)

    assert "it always fails" in shown
    assert letters.letters() == 2


@pytest.mark.parametrize(
    ("stack", "verb"),
    [
        (JOB_STACK, ("run", JOB)),
        (JOB_STACK, ("dlq", "redrive", QUEUE, "--yes")),
        (JOB_STACK, ("dlq", "redrive", QUEUE, "--yes", "--force")),
        (JOB_STACK, ("dlq", "discard", QUEUE, "--reason", "fails", "--yes")),
        (JOB_STACK, ("dlq", "discard", QUEUE, "--reason", "fails", "--yes", "--force")),
        (WIDE_STACK, ("start", "wide", "--file", "order.json")),
        (WIDE_STACK, ("send", "--queue", "notified", "--file", "messages.jsonl")),
    ],
    ids=str,
)
def test_a_reader_changes_nothing(letters: Desk, stack: str, verb: Sequence[str]) -> None:
    assert REFUSED.search(letters.refused(stack, *verb))

    assert letters.letters() == 2


def test_a_reader_cannot_release_a_lease_and_an_operator_can(desk: Desk) -> None:
    desk.job.run()
    held: dict[str, str | int] = {schedules.OWNER: "an execution", schedules.LEASE: LATER}
    desk.job.put_lease(**held)

    assert REFUSED.search(desk.refused(JOB_STACK, "lease", "release", JOB, "--yes", "--force"))
    assert desk.job.lease()[schedules.OWNER] == "an execution"

    desk.done(OPERATOR, JOB_STACK, "lease", "release", JOB, "--yes")
    assert desk.job.lease()[schedules.OWNER] == schedules.FREE


def test_an_operator_starts_a_run(desk: Desk) -> None:
    desk.job.plan()

    execution = desk.done(OPERATOR, JOB_STACK, "run", JOB).strip()

    assert desk.job.end(execution).status == "SUCCEEDED"


def test_an_operator_starts_traces_and_replays_a_request(desk: Desk) -> None:
    request_id = desk.done(OPERATOR, WIDE_STACK, "start", "wide", "--file", "order.json").strip()
    eventually(
        lambda: '"status": "COMPLETED"' in desk.done(READER, WIDE_STACK, "trace", request_id, "--json"), seconds=60
    )

    assert desk.done(OPERATOR, WIDE_STACK, "replay", request_id, "--from", "reserve")


def test_an_operator_sends_messages(desk: Desk) -> None:
    assert desk.done(OPERATOR, WIDE_STACK, "send", "--queue", "notified", "--file", "messages.jsonl")


def test_an_operator_redrives_and_discards_letters_and_both_are_recorded(letters: Desk) -> None:
    letters.job.plan()

    letters.done(OPERATOR, JOB_STACK, "dlq", "redrive", QUEUE, "--yes", "--limit", "1")
    letters.done(OPERATOR, JOB_STACK, "dlq", "discard", QUEUE, "--reason", "fails", "--yes")

    ended = [each for each in records(letters) if each["message"] == "change ended"]
    facts = {each["command"]: each for each in ended}
    assert facts["dlq redrive"]["moved"] == 1
    assert facts["dlq discard"]["discarded"] >= 1
    assert all(f"/{OPERATOR}" in each["who"] for each in ended)


def records(desk: Desk) -> list[dict[str, Any]]:
    """Return what is recorded of changes in the log group of the job's function."""
    logs, functions = desk.cloud.client("logs"), desk.cloud.client("lambda")
    function_name = desk.outputs[JOB_STACK]["FunctionName"]
    group = functions.get_function_configuration(FunctionName=function_name)["LoggingConfig"]["LogGroup"]
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="tsunagu-operator/")["logStreams"]
    pages = [logs.get_log_events(logGroupName=group, logStreamName=each["logStreamName"]) for each in found]
    return [json.loads(event["message"]) for page in pages for event in page["events"]]
