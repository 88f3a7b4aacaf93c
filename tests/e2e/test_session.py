"""An operator's session on a stack of another team: the page is what the command prints, and it says what AWS says.

What AWS says is read here by plain calls of boto3, without `tsunagu.operations`.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from cdk_app.demo.logs import log_lines
from tests.docs import session
from tests.docs.clinic import FUNCTION, QUEUE, STACK, Clinic, deployed_clinic, wait_for
from tests.docs.plain_stack import STACK_NAME as PLAIN
from tests.docs.plain_stack import synthesize_plain
from tests.e2e.command import tsunagu

pytestmark = pytest.mark.slow

DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
LOOK_SECONDS = 0.05


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with deployed_clinic(tmp_path_factory.mktemp("clinic")) as made:
        yield made


@pytest.fixture(scope="module")
def played(clinic: Clinic) -> session.Session:
    return session.play(clinic)


def test_session_of_the_page_is_what_the_command_prints(played: session.Session) -> None:
    page = session.section_of(session.PAGE.read_text(encoding="utf-8"))

    assert session.comparable(page) == session.comparable(played.text())


def test_each_fault_was_repaired_once(clinic: Clinic, played: session.Session) -> None:
    items = clinic.cloud.client("dynamodb").scan(TableName=clinic.table_name)["Items"]
    ids = sorted(str(item["id"]["S"]) for item in items)

    assert clinic.admitted() == set(clinic.admissions.values())
    assert [each for each in ids if each.startswith("result-")] == ["result-s-76", "result-s-77"]
    assert len([each for each in ids if each.startswith("reminders-")]) == 1


def asked(clinic: Clinic, *arguments: str, code: int = 0) -> Any:
    result = tsunagu(clinic.cloud, *arguments, "--json")
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


class Watch:
    """Reads the depths of queues, again and again, while a block runs."""

    def __init__(self, clinic: Clinic, urls: list[str]) -> None:
        self._sqs = clinic.cloud.client("sqs")
        self._urls = urls
        self.seen: dict[str, set[int]] = {url: set() for url in urls}

    def look(self) -> None:
        for url in self._urls:
            found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*DEPTHS])["Attributes"]
            self.seen[url].add(sum(int(found[name]) for name in DEPTHS))


@contextmanager
def beside(do: Callable[[], None]) -> Iterator[None]:
    """Do something again and again while a block runs."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(LOOK_SECONDS):
            do()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_commands_say_what_aws_says_while_traffic_runs(clinic: Clinic, played: session.Session) -> None:
    numbers = iter(range(100, 100_000))
    poison = [clinic.send_result(f"s-{next(numbers)}", 0) for _ in range(3)]
    wait_for(lambda: clinic.count("ResultsChannelDeadLetterQueue") == 3, "three letters")
    request_id = clinic.admit("p-2000", "north")
    wait_for(lambda: request_id in clinic.admitted(), "the admission")
    urls = [clinic.physical(QUEUE, name) for name in ("ResultsChannelQueue", "ResultsChannelDeadLetterQueue")]
    watch = Watch(clinic, urls)
    result = clinic.send_result

    with beside(lambda: void(result(f"s-{next(numbers)}", 140))), beside(watch.look):
        watch.look()
        (stack,) = asked(clinic, "status", STACK, code=1)["stacks"]
        letters = asked(clinic, "dlq", "list", "Results", "--stack", STACK, "--letters")["queues"][0]["letters"]
        watch.look()

    depths = {
        queue["url"]: sum(queue["depth"].values() if isinstance(queue["depth"], dict) else queue["depth"])
        for queue in stack["queues"]
    }
    assert min(watch.seen[urls[0]]) - 1 <= depths[urls[0]] <= max(watch.seen[urls[0]]) + 1
    assert {queue["url"]: queue["count"] for queue in stack["dead_letter_queues"]}[urls[1]] == 3
    received = clinic.letter_ids("ResultsChannelDeadLetterQueue")
    assert {letter["id"] for letter in letters} == set(received)
    assert {letter["request_id"] for letter in letters} == set(poison)


def void(_: object) -> None:
    """Return nothing."""


def test_why_and_trace_say_what_the_items_say(clinic: Clinic, played: session.Session) -> None:
    table = environment_of(clinic, "AdmissionPreprocessorFunction")["IDEMPOTENCY_TABLE_NAME"]
    items = clinic.cloud.client("dynamodb").scan(TableName=table)["Items"]
    request_id = clinic.admissions["no tariff"]
    own = {item["id"]["S"]: item["status"]["S"] for item in items if item["request_id"]["S"] == request_id}

    (run,) = asked(clinic, "trace", request_id, "--stack", STACK)["runs"]
    evidence = asked(clinic, "why", request_id, "--stack", STACK)

    assert sorted(service["service"] for service in run["services"]) == ["bed", "insurance", "ward"]
    assert {service["status"] for service in run["services"]} == {"COMPLETED"} == set(own.values())
    found = {
        each["details"]["item"]["id"]: each["details"]["item"]["status"]
        for each in evidence["findings"]
        if "item" in each["details"]
    }
    assert found == own


def test_log_lines_of_a_request_have_one_trace_id_in_every_function(clinic: Clinic, played: session.Session) -> None:
    services = ("CheckInsurance", "CheckBed", "AdmitWard")
    functions = [
        "AdmissionPreprocessorFunction",
        *(f"AdmissionSteps{each}ReceiverHandlerFunction" for each in services),
    ]
    request_id = clinic.admissions["no permission"]

    found = {name: trace_ids(clinic, clinic.physical(FUNCTION, name), request_id) for name in functions}

    assert all(len(ids) == 1 for ids in found.values()), found
    assert len(set.union(*found.values())) == 1, found


def trace_ids(clinic: Clinic, function_name: str, request_id: str) -> set[str | None]:
    lines = [json.loads(text) for text in log_lines(clinic.cloud, function_name) if f'"{request_id}"' in text]
    return {line.get("xray_trace_id") for line in lines}


def environment_of(clinic: Clinic, prefix: str) -> dict[str, str]:
    name = clinic.physical(FUNCTION, prefix)
    answer = clinic.cloud.client("lambda").get_function_configuration(FunctionName=name)
    return dict(answer["Environment"]["Variables"])


@pytest.fixture(scope="module")
def plain(clinic: Clinic) -> dict[str, str]:
    """Outputs of the plain stack, with a dead letter in each of its three queues."""
    outputs = dict(clinic.cloud.deploy(synthesize_plain(clinic.folder / "plain"))[PLAIN])
    sqs, functions = clinic.cloud.client("sqs"), clinic.cloud.client("lambda")
    sqs.send_message(QueueUrl=outputs["JobsUrl"], MessageBody=json.dumps({"poison": 1}))
    policy = sqs.get_queue_attributes(QueueUrl=outputs["ReaderUrl"], AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=outputs["ReaderUrl"], Attributes={"Policy": ""})
    clinic.cloud.client("sns").publish(TopicArn=outputs["NewsArn"], Message='{"news": 1}')
    functions.invoke(FunctionName=outputs["NightlyName"], InvocationType="Event", Payload=json.dumps({"poison": 2}))
    for name in ("JobsDeadUrl", "NewsDeadUrl", "FailedUrl"):
        wait_for(partial(holds_one_letter, clinic, outputs[name]), f"a letter in {name}")
    sqs.set_queue_attributes(QueueUrl=outputs["ReaderUrl"], Attributes={"Policy": policy})
    return outputs


def holds_one_letter(clinic: Clinic, url: str) -> bool:
    return depth(clinic, url) == 1


def depth(clinic: Clinic, url: str) -> int:
    found = clinic.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[*DEPTHS])["Attributes"]
    return sum(int(value) for value in found.values())


def test_letters_of_a_stack_without_the_library_are_listed_with_their_origin(
    clinic: Clinic, plain: dict[str, str]
) -> None:
    queues = asked(clinic, "dlq", "list", "--stack", PLAIN, "--letters")["queues"]

    origins = {queue["url"]: [letter["origin"] for letter in queue["letters"]] for queue in queues}
    assert {url: len(found) for url, found in origins.items()} == {
        plain[name]: 1 for name in ("JobsDeadUrl", "NewsDeadUrl", "FailedUrl")
    }
    assert len({origin for found in origins.values() for origin in found}) == 3


def test_letters_of_a_stack_without_the_library_go_back_after_the_repair(clinic: Clinic, plain: dict[str, str]) -> None:
    functions = clinic.cloud.client("lambda")
    for name in ("WorkerName", "NightlyName"):
        functions.update_function_configuration(FunctionName=plain[name], Environment={"Variables": {"REPAIRED": "1"}})
    time.sleep(1)

    for name in ("JobsDead", "NewsDead", "Failed"):
        options = ("--stack", PLAIN, "--yes", "--drained", "2", "--canary-wait", "20", "--wait", "5")
        result = tsunagu(clinic.cloud, "dlq", "redrive", name, *options)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("sent back 1")

    assert [depth(clinic, plain[name]) for name in ("JobsDeadUrl", "NewsDeadUrl", "FailedUrl", "JobsUrl")] == [0] * 4
    assert depth(clinic, plain["ReaderUrl"]) == 1
