"""`tsunagu capacity` compared with receivers that drain their queues on the embedded cloud.

Messages sleep, so that the processors of the machine hardly matter, and the times that the command calculates with are
those that the same run logged. What is compared is the rest: how many invocations run side by side, and why no more.
Lambda's ramp is not, because the emulator has none; nor are limits of DynamoDB, of an account or of SQS.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.clouds import shared_cloud
from tests.e2e.capacity_stack import STACK_NAME, synthesize_capacity
from tests.e2e.command import tsunagu
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import count_messages
from tsunagu.operations.times import utc_text

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capacity")]  # one cloud for all of them

STATED_ERROR = 0.25  # docs/operations.md
PATIENCE_SECONDS = 120
TRIES = 3  # a machine that does much else can disturb a run: a batch that failed comes back half a minute later


class Case(NamedTuple):
    """What a receiver is given, and what throttles it first.

    Attributes:
        messages: As many as take eight to ten seconds.
        groups: Message groups; 0 on a standard queue.
        throttle: What throttles first.
    """

    messages: int
    groups: int
    throttle: str


CASES = {
    "Two": Case(160, 0, "mapping_concurrency"),
    "Four": Case(320, 0, "mapping_concurrency"),
    "Threads": Case(640, 0, "mapping_concurrency"),
    "Reserved": Case(160, 0, "reserved_concurrency"),
    "Grouped": Case(140, 2, "message_groups"),
    "Groups": Case(280, 20, "mapping_concurrency"),
}


class Desk:
    """The deployed stack."""

    def __init__(self, cloud: EmbeddedCloud, outputs: dict[str, str]) -> None:
        self.cloud = cloud
        self.outputs = outputs
        self._sent = 0

    def drain(self, name: str, messages: int, groups: int) -> float:
        """Fill a queue that nobody polls, let its receiver begin, and return the seconds until it is empty."""
        url, functions = self.outputs[f"{name}QueueUrl"], self.cloud.client("lambda")
        mapping = self.outputs[f"{name}MappingId"]
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        self._fill(url, messages, groups)
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        began, sqs = time.monotonic(), self.cloud.client("sqs")
        while count_messages(sqs, url):
            assert time.monotonic() < began + PATIENCE_SECONDS, f"{name} must drain its queue"
            time.sleep(0.05)
        return time.monotonic() - began

    def _fill(self, url: str, messages: int, groups: int) -> None:
        for first in range(self._sent, self._sent + messages, 10):
            entries = [_entry(number, groups) for number in range(first, min(first + 10, self._sent + messages))]
            sent = self.cloud.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
            assert not sent.get("Failed")
        self._sent += messages

    def measure(self, name: str) -> tuple[float, dict[str, Any]]:
        """Drain a queue; return the seconds, and what the command says of the same messages and invocations."""
        case = CASES[name]
        time.sleep(1)  # invocations before are older than this second
        began = utc_text(int(time.time() * 1_000))
        took = self.drain(name, case.messages, case.groups)
        groups = ("--groups", str(case.groups)) if case.groups else ()
        options = ("--messages", str(case.messages), "--since", began, *groups)
        result = tsunagu(self.cloud, "capacity", STACK_NAME, "--json", *options)
        assert result.returncode == 0, result.stderr
        (found,) = (each for each in json.loads(result.stdout)["receivers"] if each["name"] == name)
        return took, dict(found)

    def set_max_concurrency(self, name: str, number: int) -> None:
        """Change the mapping, but not the template that the command reads."""
        mapping, scaling = self.outputs[f"{name}MappingId"], {"MaximumConcurrency": number}
        self.cloud.client("lambda").update_event_source_mapping(UUID=mapping, ScalingConfig=scaling)


def _entry(number: int, groups: int) -> dict[str, Any]:
    body = json.dumps({"number": f"form-{number:05}"})
    fifo = {"MessageGroupId": f"group-{number % groups}", "MessageDeduplicationId": str(number)} if groups else {}
    return {"Id": str(number), "MessageBody": body, **fifo}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("capacity")
    assembly = synthesize_capacity(directory / "cdk.out")
    with shared_cloud(directory / "cloud") as cloud:
        yield Desk(cloud, cloud.deploy(assembly)[STACK_NAME])


@pytest.mark.parametrize("name", CASES)
def test_a_queue_is_drained_in_the_time_that_the_command_says(
    name: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.drain(name, 40, CASES[name].groups)  # its sandboxes start

    def compare() -> float:
        took, answer = desk.measure(name)
        assert answer["limits"][0]["throttle"] == CASES[name].throttle
        with capsys.disabled():
            line = f"{name}: calculated {answer['seconds']:.1f} s, took {took:.1f} s"
            print(f"\n{line}, a batch {answer['batch_seconds']:.2f} s")  # noqa: T201 - for docs/operations.md
        return float(answer["seconds"] / took - 1)

    assert is_near(compare)


def test_the_change_that_the_command_names_helps_as_much_as_it_says(desk: Desk) -> None:
    desk.drain("Two", 40, 0)
    _, before = desk.measure("Two")
    (change,) = (each for each in before["changes"] if each["what"] == "max_concurrency 2 → 4")
    desk.set_max_concurrency("Two", 4)
    desk.drain("Two", 80, 0)  # two sandboxes more start

    def compare() -> float:
        return float(change["seconds"] / desk.drain("Two", CASES["Two"].messages, 0) - 1)

    assert is_near(compare)


def test_a_change_that_the_command_does_not_name_helps_nothing(desk: Desk) -> None:
    desk.drain("Grouped", 40, CASES["Grouped"].groups)
    _, before = desk.measure("Grouped")
    assert not [each["what"] for each in before["changes"] if "concurrency" in each["what"]]
    desk.set_max_concurrency("Grouped", 8)

    def compare() -> float:
        took = desk.drain("Grouped", CASES["Grouped"].messages, CASES["Grouped"].groups)
        return float(before["seconds"] / took - 1)

    assert is_near(compare)


def is_near(compare: Callable[[], float]) -> bool:
    """Whether an error is within the stated one; a run that the machine may have disturbed is repeated."""
    return any(abs(compare()) <= STATED_ERROR for _ in range(TRIES))
