"""The decorator of a scheduled job with moto: Lambda's event in, items, outcomes and the next slice out."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.tsunagu.runtime.world import FakeContext, record
from tsunagu import Continue, Run, scheduled_job
from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
from tsunagu.contracts.items import Status
from tsunagu.contracts.schedules import ScheduledJobEnvironment, job_item_id
from tsunagu.runtime.aws.tasks import StepFunctionsTasks
from tsunagu.runtime.sending.outbox import OutboxMessage
from tsunagu.runtime.sending.publish import SendResult

JOB, EXECUTION, SLOT = "supplier-sync", "arn:aws:states:eu-central-1:111122223333:execution:m:1", "2026-11-28T14:00:00Z"


@pytest.fixture(autouse=True)
def queue_url(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """A deployed job whose first run holds the lease."""
    sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
    url = sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    topic = boto3.client("sns").create_topic(Name="dead")["TopicArn"]
    dynamodb.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    environment = ReceiverEnvironment(
        idempotency_table_name="items",
        idempotency_window_seconds=60,
        queue_arn="arn:aws:sqs:eu-central-1:111122223333:orders",  # that of `record`
        queue_url=url,
        dead_letter_queue_url=dead,
        notification_topic_arn=topic,
        max_attempts=1,
        function_timeout_seconds=60,
        metrics_namespace="Tsunagu",
        lease_seconds=30,
        single_writes=True,  # moto lacks parameters in BatchExecuteStatement
    ).to_environment()
    for name, value in {**environment, **ScheduledJobEnvironment(job=JOB).to_environment()}.items():
        monkeypatch.setenv(name, value)
    take(EXECUTION, 1)
    return url


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Outcomes and heartbeats that reach Step Functions, which moto does not have for tasks."""
    heard: list[tuple[str, str]] = []

    def report(_self: StepFunctionsTasks, message: OutboxMessage, message_id: str) -> SendResult:
        heard.append((str(message.channel), message.body))
        return SendResult(message_id)

    monkeypatch.setattr(StepFunctionsTasks, "report", report)
    monkeypatch.setattr(StepFunctionsTasks, "heartbeat", lambda _self, token: heard.append(("heartbeat", token)))
    return heard


def take(execution: str, run: int) -> None:
    boto3.client("dynamodb").put_item(
        TableName="items",
        Item={
            "id": {"S": job_item_id(JOB)},
            "kind": {"S": "JOB"},
            "owner": {"S": execution},
            "run": {"N": str(run)},
            "slot": {"S": SLOT},
            "lease": {"N": "9"},
            "since": {"N": "8"},
        },
    )


def body(**changes: object) -> dict[str, object]:
    message = {"job": JOB, "run": 1, "slot": SLOT, "execution": EXECUTION, "task_token": "t"}
    return {**message, "slice": 0, "checkpoint": None, **changes}


def receive(handler: Callable[..., Any], message: dict[str, object] | None = None) -> list[str]:
    response = handler({"Records": [record(message or body(), group=JOB)]}, FakeContext(60_000))
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def rows() -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table("items").scan()["Items"]


def statuses() -> list[str]:
    return [row["status"] for row in rows() if row["id"] != job_item_id(JOB)]


def test_run_writes_under_its_number_and_its_execution_gets_the_outcome(told: list[tuple[str, str]]) -> None:
    @scheduled_job(JOB)
    def handler(run: Run) -> dict[str, int]:
        run.put("items", {"id": "prices", "run": run.number, "hour": run.slot.hour})
        return {"prices": 2}

    assert receive(handler) == []

    (written,) = [row for row in rows() if row["id"] == "prices"]
    assert (written["run"], written["hour"]) == (1, 14)
    assert told == [("heartbeat", "t"), ("task-success", '{"prices":2}')]


def test_run_that_loses_the_lease_while_it_works_writes_nothing(told: list[tuple[str, str]]) -> None:
    @scheduled_job(JOB)
    def handler(run: Run) -> None:
        take("another", 2)
        run.put("items", {"id": "prices"})

    assert receive(handler) == ["m-1"]

    assert [row["id"] for row in rows() if row["id"] == "prices"] == []
    assert (statuses(), told) == ([Status.INPROGRESS], [("heartbeat", "t")])


def test_run_under_an_older_number_is_acknowledged_without_work() -> None:
    take(EXECUTION, 2)
    calls: list[int] = []

    @scheduled_job(JOB)
    def handler(run: Run) -> None:
        calls.append(run.number)

    assert receive(handler) == []
    assert (calls, statuses()) == ([], [Status.COMPLETED])


def test_job_that_nobody_took_is_acknowledged_without_work() -> None:
    boto3.client("dynamodb").delete_item(TableName="items", Key={"id": {"S": job_item_id(JOB)}})

    assert receive(scheduled_job(JOB)(lambda _run: None)) == []


@pytest.mark.parametrize("owner", [{"N": "1"}, None])
def test_item_of_another_form_is_no_attempt(owner: Any) -> None:
    item: Any = {"id": {"S": job_item_id(JOB)}, **({"owner": owner} if owner else {})}
    boto3.client("dynamodb").put_item(TableName="items", Item=item)

    assert receive(scheduled_job(JOB)(lambda _run: None)) == ["m-1"]
    assert statuses() == [Status.RELEASED]


def test_table_that_is_gone_is_no_attempt() -> None:
    boto3.client("dynamodb").delete_table(TableName="items")

    assert receive(scheduled_job(JOB)(lambda _run: None)) == ["m-1"]


def test_next_slice_is_in_the_queue_of_the_job(queue_url: str, told: list[tuple[str, str]]) -> None:
    @scheduled_job(JOB)
    def handler(_run: Run) -> None:
        raise Continue({"page": 2})

    assert receive(handler) == []

    (sent,) = boto3.client("sqs").receive_message(QueueUrl=queue_url, AttributeNames=["All"])["Messages"]
    assert json.loads(sent["Body"]) == body(slice=1, checkpoint={"page": 2})
    assert sent["Attributes"]["MessageGroupId"] == JOB
    assert told == [("heartbeat", "t")]


def test_run_that_fails_tells_its_execution_the_reason(told: list[tuple[str, str]]) -> None:
    @scheduled_job(JOB)
    def handler(_run: Run) -> None:
        raise ValueError

    assert receive(handler) == []
    assert told == [("heartbeat", "t"), ("task-failure", "1 attempts failed, the last with ValueError")]


def test_heartbeats_end_with_the_run() -> None:
    import threading  # noqa: PLC0415

    names: list[str] = []

    @scheduled_job(JOB)
    def handler(_run: Run) -> None:
        names.extend(thread.name for thread in threading.enumerate())

    receive(handler)

    assert "heartbeats" in names
    assert "heartbeats" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"JOB": "another"}, "JOB must be the name that the handler has, supplier-sync, got another one"),
        ({"LEASE_SECONDS": "0"}, "LEASE_SECONDS must be set for a scheduled job"),
        ({"JOB": None}, "JOB must be set for ScheduledJobEnvironment"),
    ],
)
def test_wrong_environment_is_loud_and_costs_no_message(
    change: dict[str, str | None], error: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in change.items():
        monkeypatch.delenv(name)
        if value is not None:
            monkeypatch.setenv(name, value)

    with pytest.raises(EnvironmentContractError, match=error):
        receive(scheduled_job(JOB)(lambda _run: None))

    assert '"ConfigurationFaults":1' in capsys.readouterr().out
    assert statuses() == []


# --- what is refused at import -------------------------------------------------------------------


async def promise(_run: Run) -> None: ...


def generator(_run: Run) -> Any:
    yield


def nothing() -> None: ...


def two(_run: Run, _other: object) -> None: ...


def with_default(_run: Run, _other: int = 1) -> None: ...


def named(*, run: Run) -> None: ...


def text(_run: str) -> None: ...


@pytest.mark.parametrize("function", [promise, generator, nothing, two, named, text])
def test_function_that_is_no_work_of_a_job_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{function.__name__} must (be a plain function|take a Run)"):
        scheduled_job(JOB)(function)


def unannotated(run):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    return run


def of_anything(_run: object) -> None: ...


@pytest.mark.parametrize("function", [unannotated, of_anything, lambda run: run, with_default])
def test_function_that_can_take_a_run_is_accepted(function: Any) -> None:
    assert callable(scheduled_job(JOB)(function))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a#b", "x" * 65])
def test_name_that_no_job_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^name must be 1 to 64 letters, digits, hyphens and underscores, got "):
        scheduled_job(name)


def test_handler_keeps_name_and_documentation() -> None:
    @scheduled_job(JOB)
    def sync(_run: Run) -> None:
        """Store the prices."""

    assert (sync.__name__, inspect.getdoc(sync)) == ("sync", "Store the prices.")
