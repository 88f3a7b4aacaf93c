"""Each verb works with the policies of `OperatorAccess`, under IAM, and a reader can change nothing."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clouds import shared_cloud
from tests.e2e.command import TSUNAGU
from tests.e2e.job_desk import JobDesk
from tests.e2e.job_stack import JOB
from tests.e2e.job_stack import STACK_NAME as JOB_STACK
from tests.e2e.operator_stack import OPERATOR, READER, synthesize_operated
from tests.e2e.wide_stack import STACK_NAME as WIDE_STACK
from tsunagu.contracts import schedules
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.change_log import OWN_GROUP
from tsunagu.operations.queues import count_messages
from tsunagu.testing.patience import eventually

pytestmark = pytest.mark.slow  # it deploys two stacks of its own

ORDER = {"order_id": "o-1", "customer": "c", "lines": [{"sku": "tea", "quantity": 1}], "currency": "EUR"}
REFUSED = re.compile(r"not authorized|not allowed|IAM must allow")
# The embedded cloud does not see the rule of this call, so that it asks for the action on all resources.
ASKED_ON_EVERYTHING = {"events:ListTargetsByRule"}
QUEUE = "Probe"  # the dead-letter queue of the job's channel
UNKNOWN_REQUEST = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
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

    def letter_id(self) -> str:
        """Return the id of a letter, as a reader sees it."""
        listed = json.loads(self.done(READER, JOB_STACK, "dlq", "list", "--letters", "--json"))
        found: list[str] = [each["id"] for queue in listed["queues"] for each in queue.get("letters", [])]
        return found[0]

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

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Let no function receive from the queue of the wide stack with this name in its ARN."""
        client = self.cloud.client("lambda")
        listed = client.list_event_source_mappings()["EventSourceMappings"]
        [mapping] = [each["UUID"] for each in listed if name in each["EventSourceArn"]]
        client.update_event_source_mapping(UUID=mapping, Enabled=False)
        eventually(lambda: client.get_event_source_mapping(UUID=mapping)["State"] == "Disabled", seconds=30)
        yield
        client.update_event_source_mapping(UUID=mapping, Enabled=True)

    def done(self, who: str, stack: str, *arguments: str) -> str:
        """Run a verb that must work, and return what it prints."""
        result = self.call(who, stack, *arguments)
        assert result.returncode == 0, result.stderr
        assert "AccessDenied" not in result.stdout + result.stderr
        assert denied_in(result) <= ASKED_ON_EVERYTHING
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
        (WIDE_STACK, ("capacity", "--milliseconds", "40")),
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
    shown = letters.done(READER, JOB_STACK, "dlq", "show", letters.letter_id(), QUEUE)

    assert "it always fails" in shown
    assert letters.letters() == 2


def test_a_reader_exports_letters_and_finds_out_why(letters: Desk) -> None:
    letters.done(READER, JOB_STACK, "dlq", "export", QUEUE, "--output", "exported.jsonl")
    exported = (letters.folder / "exported.jsonl").read_text().splitlines()
    letter = json.loads(letters.done(READER, JOB_STACK, "dlq", "show", letters.letter_id(), QUEUE, "--json"))

    why_letter = letters.done(READER, JOB_STACK, "why", letter["source"].rpartition("/")[2])
    why_job = letters.done(READER, JOB_STACK, "why", JOB)

    assert len(exported) == letters.letters() == 2
    assert "it always fails" in why_letter
    assert "FAILED" in why_job


@pytest.mark.parametrize(
    ("stack", "verb"),
    [
        (JOB_STACK, ("run", JOB, "--yes")),
        (JOB_STACK, ("run", JOB, "--yes", "--force")),
        (JOB_STACK, ("dlq", "redrive", QUEUE, "--yes")),
        (JOB_STACK, ("dlq", "redrive", QUEUE, "--yes", "--force")),
        (JOB_STACK, ("dlq", "discard", QUEUE, "--reason", "fails", "--yes")),
        (JOB_STACK, ("dlq", "discard", QUEUE, "--reason", "fails", "--yes", "--force")),
        (JOB_STACK, ("dlq", "edit", "LETTER", QUEUE, "--file", "order.json", "--yes")),
        (JOB_STACK, ("dlq", "edit", "LETTER", QUEUE, "--file", "order.json", "--yes", "--force")),
        (JOB_STACK, ("dlq", "purge", QUEUE, "--yes")),
        (JOB_STACK, ("dlq", "purge", QUEUE, "--yes", "--force")),
        (WIDE_STACK, ("start", "wide", "--file", "order.json", "--yes")),
        (WIDE_STACK, ("start", "wide", "--file", "order.json", "--yes", "--force")),
        (WIDE_STACK, ("replay", UNKNOWN_REQUEST, "--from", "reserve", "--yes", "--force")),
        (WIDE_STACK, ("send", "--queue", "notified", "--file", "messages.jsonl", "--yes")),
        (WIDE_STACK, ("send", "--queue", "notified", "--file", "messages.jsonl", "--yes", "--force")),
    ],
    ids=str,
)
def test_a_reader_changes_nothing(letters: Desk, stack: str, verb: Sequence[str]) -> None:
    arguments = [letters.letter_id() if each == "LETTER" else each for each in verb]

    assert REFUSED.search(letters.refused(stack, *arguments))

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

    execution = desk.done(OPERATOR, JOB_STACK, "run", JOB, "--yes").strip()

    assert desk.job.end(execution).status == "SUCCEEDED"
    assert ended(desk, JOB_STACK, "run")[-1]["execution"] == execution


def test_an_operator_starts_traces_and_replays_a_request(desk: Desk) -> None:
    request_id = desk.done(OPERATOR, WIDE_STACK, "start", "wide", "--file", "order.json", "--yes").strip()
    eventually(
        lambda: '"status": "COMPLETED"' in desk.done(READER, WIDE_STACK, "trace", request_id, "--json"), seconds=60
    )

    run_id = desk.done(OPERATOR, WIDE_STACK, "replay", request_id, "--from", "reserve", "--yes").strip()

    assert f"of the pipeline wide ({WIDE_STACK})" in desk.done(READER, WIDE_STACK, "why", request_id)
    found = desk.call(READER, WIDE_STACK, "find", "--key", "a key that nothing has")
    assert found.stderr.splitlines()[-1].startswith("error: the stack wide must have an item of the key")
    assert denied_in(found) <= ASKED_ON_EVERYTHING
    assert ended(desk, WIDE_STACK, "start")[-1]["request_id"] == request_id
    assert ended(desk, WIDE_STACK, "replay")[-1]["run_id"] == run_id


def test_an_operator_sends_messages(desk: Desk) -> None:
    sent = desk.done(OPERATOR, WIDE_STACK, "send", "--queue", "notified", "--file", "messages.jsonl", "--yes")

    # Nothing of this stack consumes the queue, so the record is where no function is.
    [record] = [each for each in in_group(desk, OWN_GROUP) if each["message"] == "change ended"]
    assert (record["command"], record["request_ids"]) == ("send", sent.split())


def test_an_operator_dismisses_a_run(desk: Desk) -> None:
    with desk.stopped("Inventory"):
        request_id = desk.done(OPERATOR, WIDE_STACK, "start", "wide", "--file", "order.json", "--yes").strip()

        reader = desk.call(READER, WIDE_STACK, "runs", "--dismiss", request_id, "--yes", "--force")
        assert REFUSED.search(reader.stderr)
        assert request_id in desk.done(READER, WIDE_STACK, "runs", "--older-than", "0s")

        dismissed = desk.done(OPERATOR, WIDE_STACK, "runs", "--dismiss", request_id, "--yes")

    assert dismissed == f"dismissed 1 unfinished run of {request_id}\n"
    assert ended(desk, WIDE_STACK, "runs --dismiss")[-1]["dismissed"] == 1


def test_an_operator_redrives_and_discards_letters_and_both_are_recorded(letters: Desk) -> None:
    letters.job.plan()

    letters.done(OPERATOR, JOB_STACK, "dlq", "redrive", QUEUE, "--yes", "--limit", "1")
    letters.done(OPERATOR, JOB_STACK, "dlq", "discard", QUEUE, "--reason", "fails", "--yes")

    [redriven], [discarded] = ended(letters, JOB_STACK, "dlq redrive"), ended(letters, JOB_STACK, "dlq discard")
    assert redriven["moved"] == 1
    assert discarded["discarded"] >= 1
    assert f"/{OPERATOR}" in redriven["who"]
    assert f"/{OPERATOR}" in discarded["who"]


def test_an_operator_edits_and_purges_letters(letters: Desk) -> None:
    fail_a_run(letters)
    letter_id = letters.letter_id()
    letter = json.loads(letters.done(READER, JOB_STACK, "dlq", "show", letter_id, QUEUE, "--json"))
    (letters.folder / "edited.json").write_text(json.dumps(letter["body"], sort_keys=True))
    letters.job.plan()

    edited = letters.done(
        OPERATOR, JOB_STACK, "dlq", "edit", letter_id, QUEUE, "--file", "edited.json", "--wait", "60", "--yes"
    )
    assert edited.startswith("sent back 1")
    assert ended(letters, JOB_STACK, "dlq edit")[-1]["moved"] == 1

    fail_a_run(letters)
    letters.done(OPERATOR, JOB_STACK, "dlq", "purge", QUEUE, "--yes")
    assert letters.letters() == 0
    assert ended(letters, JOB_STACK, "dlq purge")[-1]["discarded"] >= 1


def denied_in(result: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the actions that a verb names as not allowed."""
    return {*re.findall(r"not allowed: (\S+)", result.stdout + result.stderr)}


def fail_a_run(desk: Desk) -> None:
    """Start a run for the present second, which fails for good: a run by hand has skipped earlier slots."""
    desk.job.plan(fail=1)
    slot = time.strftime(schedules.SLOT_FORMAT, time.gmtime())
    assert desk.job.end(desk.job.start(slot)).status == "FAILED"
    eventually(lambda: desk.letters() > 0, seconds=60)


def ended(desk: Desk, stack: str, command: str) -> list[dict[str, Any]]:
    """Return the records of changes by a verb that have ended, in the log group of the stack's function."""
    functions = desk.cloud.client("lambda")
    function_name = desk.outputs[stack]["FunctionName" if stack == JOB_STACK else "PreprocessorArn"]
    group = functions.get_function_configuration(FunctionName=function_name)["LoggingConfig"]["LogGroup"]
    return [each for each in in_group(desk, group) if (each["message"], each["command"]) == ("change ended", command)]


def in_group(desk: Desk, group: str) -> list[dict[str, Any]]:
    """Return what is recorded of changes in a log group."""
    logs = desk.cloud.client("logs")
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="tsunagu-operator/")["logStreams"]
    pages = [logs.get_log_events(logGroupName=group, logStreamName=each["logStreamName"]) for each in found]
    return [json.loads(event["message"]) for page in pages for event in page["events"]]
