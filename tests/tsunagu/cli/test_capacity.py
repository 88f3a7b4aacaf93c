import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tsunagu.cli.conftest import Tsunagu
from tests.tsunagu.operations.fake_cloudformation import FakeCloudFormation, FakeStack
from tsunagu.operations.aws import Aws

MAPPING = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Function"}, "BatchSize": 10}
FUNCTION = {"ReservedConcurrentExecutions": 5, "Timeout": 1}
RESOURCES: dict[str, Any] = {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": FUNCTION},
    "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": MAPPING},
}
THROTTLED = (
    "the mapping may invoke more than reserved_concurrency of 5 allows: throttled batches use up receives, so give it "
    "max_concurrency"
)
STAGE = {"Type": "AWS::ApiGateway::Stage", "Properties": {"MethodSettings": [{"ThrottlingRateLimit": 100}]}}


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": RESOURCES | {"Stage": STAGE}}))
    return str(path)


def test_the_capacity_of_each_receiver_is_printed(tsunagu: Tsunagu, template: str) -> None:
    result = tsunagu("capacity", template, "--milliseconds", "198", "--messages", "500")

    assert (result.code, result.err) == (0, "")
    assert [line.rstrip() for line in result.out.splitlines()] == [
        "Function (standard queue, batches of 10)",
        "  at most 25 messages a second: reserved_concurrency, 5 invocations",
        "  next 6,250: 1,250 invocations, the most of one mapping",
        "  next 60,000: 120,000 messages in flight of one queue",
        "  takes 5 invocations of 2.00 s at the same time",
        "  500 messages are done after 20 s",
        "  a full batch takes longer than the time-out of 1 s: give it a smaller batch",
        f"  {THROTTLED}",
        "  what would help, each alone:",
        "    concurrency of the decorator 1 → 2  50 a second  10 s",
        "    a message in 99 ms                  50 a second  10 s",
        "    reserved_concurrency 5 → 10         50 a second  10 s",
        "Stage",
        "  accepts at most 100 requests a second: throttling of its stage",
    ]


def test_the_same_is_printed_as_json_with_every_limit(tsunagu: Tsunagu, template: str) -> None:
    result = tsunagu("capacity", template, "--milliseconds", "198", "--messages", "500", "--json")

    (receiver,) = json.loads(result.out)["receivers"]
    assert (receiver["name"], receiver["messages_per_second"], receiver["concurrency"]) == ("Function", 25, 5)
    assert receiver["seconds"] == pytest.approx(20)
    assert [limit["throttle"] for limit in receiver["limits"]] == [
        "reserved_concurrency",
        "mapping_concurrency",
        "in_flight",
        "account_requests",
    ]
    assert json.loads(result.out)["intakes"][0]["requests_per_second"] == 100


@pytest.mark.parametrize("source", ["cdk.out", "old/template", "nowhere.json"])
def test_a_path_that_is_not_there_is_no_stack(
    tsunagu: Tsunagu, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = tsunagu("capacity", source, "--milliseconds", "40")

    expected = (
        f"error: {source} must be a template, or a folder that `cdk synth` wrote, got no such file or directory\n"
    )
    assert (result.code, result.err) == (1, expected)


def test_a_function_that_is_stopped_drains_nothing(tsunagu: Tsunagu, tmp_path: Path) -> None:
    stopped = RESOURCES | {
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"ReservedConcurrentExecutions": 0}}
    }
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": stopped}))

    line = tsunagu("capacity", str(path), "--milliseconds", "1", "--messages", "500")
    as_json = tsunagu("capacity", str(path), "--milliseconds", "1", "--messages", "500", "--json")

    assert "  500 messages are done never\n" in line.out
    assert json.loads(as_json.out)["receivers"][0]["seconds"] is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "--milliseconds must be given for Function, because a template has no times, got none"),
        (("--milliseconds", "x"), "--milliseconds must be a number above 0, with NAME= for one receiver, got 'x'"),
        (("--milliseconds", "0"), "--milliseconds must be a number above 0, with NAME= for one receiver, got '0'"),
        (("--milliseconds", "nan"), "--milliseconds must be a number above 0, with NAME= for one receiver, got 'nan'"),
        (("--milliseconds", "1", "--milliseconds", "2"), "--milliseconds must be given once for all receivers"),
        (("--milliseconds", "Funktion=1"), "--milliseconds must name a receiver, got Funktion: did you mean Function?"),
        (("--milliseconds", "1", "--batch-milliseconds", "-1"), "batch_ms must be 0 or more, got -1.0"),
    ],
)
def test_a_wrong_number_is_one_sentence(
    options: tuple[str, ...], sentence: str, tsunagu: Tsunagu, template: str
) -> None:
    result = tsunagu("capacity", template, *options)

    assert result.code == 1
    assert result.err.startswith(f"error: {sentence}")
    assert result.err.count("\n") == 1


def test_a_receiver_has_its_own_time_where_it_is_named(tsunagu: Tsunagu, template: str) -> None:
    result = tsunagu("capacity", template, "--milliseconds", "Function=98", "--milliseconds", "1", "--json")

    assert json.loads(result.out)["receivers"][0]["batch_seconds"] == pytest.approx(1)


def test_a_template_without_a_queue_is_one_sentence(tsunagu: Tsunagu, tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}))

    result = tsunagu("capacity", str(path), "--milliseconds", "10")

    assert result.code == 1
    assert result.err == f"error: {path} must have a function with a queue, got none\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "SOURCE must name a deployed stack, a template or a folder of `cdk synth`, got none"),
        (
            ("shop", "--stack", "shop"),
            "SOURCE must be a folder beside --stack, or the stack without --stack, got shop and shop",
        ),
    ],
)
def test_what_is_asked_about_must_be_clear(arguments: tuple[str, ...], sentence: str, tsunagu: Tsunagu) -> None:
    assert tsunagu("capacity", *arguments).err == f"error: {sentence}\n"


@pytest.fixture
def shop(aws: None, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """A deployed stack: two messages wait, and one invocation processed ten messages in a second."""
    found = Aws()
    url = found.sqs.create_queue(QueueName="orders")["QueueUrl"]
    found.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": each, "MessageBody": each} for each in "ab"])
    resources = RESOURCES | {"Function": {"Type": "AWS::Lambda::Function", "Properties": {"Timeout": 9}}}
    stack = FakeStack(name="shop", template={"Resources": resources}, physical_ids={"Queue": url, "Function": "shop"})
    monkeypatch.setattr(Aws, "cloudformation", property(lambda _: FakeCloudFormation(stack).client))
    monkeypatch.setattr("tsunagu.cli.capacity_question.free_concurrency", lambda _: 7)  # moto has no account settings
    return found


def log(aws: Aws, age_ms: int = 0) -> None:
    settled = {"message": "batch settled", "requestId": "a", "record_count": 10, "returned_count": 0}
    record = {"requestId": "a", "status": "success", "metrics": {"durationMs": 1_000.0}}
    group, stream = "/aws/lambda/shop", "sandbox"
    aws.logs.create_log_group(logGroupName=group)
    aws.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    lines = [settled, {"type": "platform.report", "record": record}]
    now = int(time.time() * 1_000) - age_ms
    aws.logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": now, "message": json.dumps(line)} for line in lines],
    )


@pytest.mark.parametrize("age_ms", [0, 3_600_000])
def test_times_of_a_deployed_stack_are_those_of_its_log_and_its_messages_those_that_wait(
    tsunagu: Tsunagu, shop: Aws, age_ms: int
) -> None:
    log(shop, age_ms)

    result = tsunagu("capacity", "shop")

    assert (result.code, result.err) == (0, "")
    assert "  measured: 1 invocations, 1,000 ms with 10.0 messages on average\n" in result.out
    assert "  at most 70 messages a second: 7 invocations that the account has free\n" in result.out
    assert "  2 messages are done after 0 s\n" in result.out


def test_a_given_time_needs_no_log(tsunagu: Tsunagu, shop: Aws) -> None:
    result = tsunagu("capacity", "--stack", "shop", "--milliseconds", "48", "--messages", "0", "--json")

    (receiver,) = json.loads(result.out)["receivers"]
    assert (receiver["measured_invocations"], receiver["messages"]) == (0, 0)
    assert receiver["batch_seconds"] == pytest.approx(0.5)


@pytest.mark.parametrize("age_ms", [None, 7_200_000])
def test_a_log_without_invocations_is_one_sentence(tsunagu: Tsunagu, shop: Aws, age_ms: int | None) -> None:
    if age_ms is not None:
        log(shop, age_ms)

    result = tsunagu("capacity", "shop", "--since", "1h")

    sentence = "the logs of Function must have invocations since 1h, got none: give --milliseconds"
    assert (result.code, result.err) == (1, f"error: {sentence}\n")
