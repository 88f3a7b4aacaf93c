import json
import time
from typing import Any

import pytest

from tsunagu.operations.aws import Aws
from tsunagu.operations.deployed_receivers import free_concurrency
from tsunagu.operations.invocations import Invocation, read_invocations
from tsunagu.operations.reader import Reader

GROUP = "/aws/lambda/payments"
NOW_MS = int(time.time() * 1_000)


def settled(request: str, records: int, returned: int = 0) -> dict[str, Any]:
    return {"message": "batch settled", "requestId": request, "record_count": records, "returned_count": returned}


def reported(request: str, duration: float, status: str = "success") -> dict[str, Any]:
    record = {"requestId": request, "status": status, "metrics": {"durationMs": duration, "initDurationMs": 900.0}}
    return {"time": "2026-03-01T04:00:00.000Z", "type": "platform.report", "record": record}


@pytest.fixture
def reader(aws: None) -> Reader:
    return Reader(Aws())


def log(reader: Reader, *lines: dict[str, Any], age_ms: int = 0) -> None:
    logs = reader.aws.logs
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="sandbox")
    events = [{"timestamp": NOW_MS - age_ms, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=GROUP, logStreamName="sandbox", logEvents=events)  # type: ignore[arg-type]


def test_messages_and_duration_of_an_invocation_have_its_id(reader: Reader) -> None:
    log(reader, settled("a", 10), reported("a", 512.5), settled("b", 3), reported("b", 160.0))

    assert read_invocations(reader, GROUP, 0) == [
        Invocation(messages=10, milliseconds=512.5),
        Invocation(messages=3, milliseconds=160.0),
    ]


def test_invocations_that_failed_returned_messages_or_say_nothing_of_them_are_left_out(reader: Reader) -> None:
    log(reader, settled("a", 10, 1), reported("a", 512.5))
    log(reader, settled("b", 3), reported("b", 160.0, "timeout"))
    log(reader, reported("c", 160.0), settled("d", 3), settled("e", 0), reported("e", 1.0))
    log(reader, {"message": "a note about a batch settled", "requestId": "c", "record_count": 3})

    assert read_invocations(reader, GROUP, 0) == []


def test_old_invocations_are_left_out(reader: Reader) -> None:
    log(reader, settled("a", 10), reported("a", 512.5), age_ms=7_200_000)
    log(reader, settled("b", 1), reported("b", 60.0))

    assert read_invocations(reader, GROUP, NOW_MS - 3_600_000) == [Invocation(messages=1, milliseconds=60.0)]


def test_a_function_that_never_ran_has_no_invocations(reader: Reader) -> None:
    assert read_invocations(reader, GROUP, 0) == []
    assert reader.denials() == []


def test_the_free_concurrency_is_that_of_the_account(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = {"AccountLimit": {"UnreservedConcurrentExecutions": 900}}
    monkeypatch.setattr(reader.aws.functions, "get_account_settings", lambda: limit)
    assert free_concurrency(reader) == 900
