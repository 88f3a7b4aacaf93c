"""One client asks preprocessors: what it retries, for how long, and under which key."""

import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from botocore.exceptions import ConnectionClosedError

from tsunagu.errors import NotAcceptedError
from tsunagu.operations.preprocessor_client import (
    RETRYABLE_ERRORS,
    PreprocessorClient,
    StartedRun,
    replay_command,
    start_command,
)
from tsunagu.testing.fakes import FakeClock

ACCEPTED = {"request_id": "r-1", "run_id": "run-1", "status": "accepted"}


@dataclass
class FakeLambda:
    """A function that fails with each of `errors`, and accepts afterwards."""

    errors: list[str] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - names of boto3
        assert FunctionName == "preprocessor"
        self.commands.append(json.loads(Payload))
        if self.errors:
            error = {"errorType": self.errors.pop(0), "errorMessage": "not now"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}
        return {"Payload": io.BytesIO(json.dumps(ACCEPTED).encode())}


def client(function: FakeLambda, patience_seconds: float = 0, clock: FakeClock | None = None) -> PreprocessorClient:
    return PreprocessorClient(cast("Any", function), "preprocessor", patience_seconds, clock or FakeClock())


def test_run_that_was_started_is_returned() -> None:
    run = client(FakeLambda()).ask(start_command({"a": 1}))

    assert run == StartedRun(request_id="r-1", run_id="run-1", is_duplicate=False)


@dataclass
class BrokenLambda(FakeLambda):
    """A function whose first answer is lost on the way."""

    breaks: int = 1

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - names of boto3
        answer = super().invoke(FunctionName=FunctionName, Payload=Payload)
        self.breaks -= 1
        if self.breaks >= 0:
            raise ConnectionClosedError(endpoint_url="https://lambda.example")
        return answer


def test_lost_answer_is_reported_with_the_key_because_the_run_may_have_started() -> None:
    function = BrokenLambda()

    with pytest.raises(NotAcceptedError, match=r"Connection was closed .* a retry with the idempotency key") as lost:
        client(function).ask(start_command({"a": 1}))

    assert str(function.commands[0]["idempotency_key"]) in str(lost.value)
    assert client(BrokenLambda(), 3).ask(start_command({"a": 1})).run_id == "run-1"


@pytest.mark.parametrize("error_type", sorted(RETRYABLE_ERRORS))
def test_command_is_retried_with_its_key_while_the_patience_lasts(error_type: str) -> None:
    function, clock = FakeLambda(errors=[error_type] * 3), FakeClock()

    client(function, 3, clock).ask(start_command({"a": 1}))

    assert len({command["idempotency_key"] for command in function.commands}) == 1
    assert (len(function.commands), clock.slept_seconds) == (4, [1, 1, 1])


def test_retries_end_with_the_patience_and_name_the_key() -> None:
    function = FakeLambda(errors=["NotPublishedError"] * 9)

    with pytest.raises(NotAcceptedError) as refusal:
        client(function, 2).ask(start_command({"a": 1}, key="k-1"))

    assert str(refusal.value) == (
        "the preprocessor must accept the command, got: not now; "
        "a retry with the idempotency key k-1 starts nothing twice"
    )
    assert (refusal.value.error_type, refusal.value.can_retry) == ("NotPublishedError", True)
    assert len(function.commands) == 3


@pytest.mark.parametrize("error_type", ["UnknownStepError", "Runtime.ImportModuleError"])
def test_command_that_is_refused_is_not_retried(error_type: str) -> None:
    function = FakeLambda(errors=[error_type] * 2)

    with pytest.raises(NotAcceptedError) as refusal:
        client(function, 60).ask(start_command({"a": 1}))

    assert str(refusal.value) == "the preprocessor must accept the command, got: not now"
    assert (refusal.value.error_type, refusal.value.can_retry) == (error_type, False)
    assert len(function.commands) == 1


def test_runs_of_several_commands_are_in_the_order_of_the_commands() -> None:
    runs = client(FakeLambda()).ask_all(start_command({"n": number}) for number in range(20))

    assert len(runs) == 20


def test_commands_leave_out_what_was_not_given() -> None:
    assert start_command({}) == {"action": "start", "payload": {}}
    assert replay_command("r-1", "ship") == {"action": "replay", "request_id": "r-1", "from_step": "ship"}


def test_command_without_a_key_gets_one() -> None:
    function = FakeLambda()

    client(function).ask(replay_command("r-1", "ship"))

    assert UUID(function.commands[0]["idempotency_key"]).version == 7


def test_payload_whose_numbers_lambda_would_round_is_sent_as_text() -> None:
    function = FakeLambda()
    payload = {"amount": Decimal("12345678901234567.89")}

    client(function).ask(start_command(payload))
    client(function).ask(replay_command("r-1", "ship", payload=payload))
    client(function).ask(start_command({"amount": 0.1}))

    assert [command.get("payload_json") for command in function.commands] == ['{"amount":12345678901234567.89}'] * 2 + [
        None
    ]
    assert [command.get("payload") for command in function.commands] == [None, None, {"amount": 0.1}]
