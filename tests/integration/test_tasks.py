"""Step Functions behind the runtime's protocols: which of its errors mean that a task does not wait."""

import threading
import time
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from tsunagu.runtime.aws.tasks import StepFunctionsTasks
from tsunagu.runtime.errors import TaskLostError, UnavailableError
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

TOKEN = "a token"
THREADS = 8

never_taken = pytest.mark.parametrize("code", ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"])
may_be_taken = pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalServerError"])


@pytest.fixture
def sfn() -> "SFNClient":
    return boto3.client("stepfunctions")


def test_heartbeat_is_sent_with_the_token_of_its_task(sfn: "SFNClient") -> None:
    with Stubber(sfn) as stub:
        stub.add_response("send_task_heartbeat", {}, {"taskToken": TOKEN})

        StepFunctionsTasks(lambda: sfn).heartbeat(TOKEN)

        stub.assert_no_pending_responses()


@never_taken
def test_heartbeat_of_a_task_that_does_not_wait_says_so(sfn: "SFNClient", code: str) -> None:
    with Stubber(sfn) as stub:
        stub.add_client_error("send_task_heartbeat", code)

        with pytest.raises(
            TaskLostError, match=f"a task must wait for its outcome when a heartbeat is sent, got {code}"
        ):
            StepFunctionsTasks(lambda: sfn).heartbeat(TOKEN)


def test_heartbeat_with_an_empty_token_is_lost_and_not_tried_again(sfn: "SFNClient") -> None:
    with pytest.raises(TaskLostError, match="got ParamValidationError"):
        StepFunctionsTasks(lambda: sfn).heartbeat("")


@may_be_taken
def test_heartbeat_without_an_answer_is_an_outage(sfn: "SFNClient", code: str) -> None:
    with Stubber(sfn) as stub:
        stub.add_client_error("send_task_heartbeat", code)

        with pytest.raises(UnavailableError, match=f"did not accept the heartbeat: {code}"):
            StepFunctionsTasks(lambda: sfn).heartbeat(TOKEN)


def test_denied_heartbeat_and_outcome_are_configuration_faults(sfn: "SFNClient") -> None:
    with Stubber(sfn) as stub:
        for operation in ("send_task_heartbeat", "send_task_success"):
            stub.add_client_error(operation, "AccessDeniedException")

        with pytest.raises(UnavailableError) as raised:
            StepFunctionsTasks(lambda: sfn).heartbeat(TOKEN)
        outcome = OutboxMessage(channel=Channel.TASK_SUCCESS, target=TOKEN, body="1")
        result = StepFunctionsTasks(lambda: sfn).report(outcome, "id")

    assert [str(call) for call in (raised.value.call, result.call)] == [
        "states:SendTaskHeartbeat on the task: AccessDeniedException",
        "states:SendTaskSuccess on the task: AccessDeniedException",
    ]
    assert all(call is not None and call.is_configuration_fault for call in (raised.value.call, result.call))


def test_success_and_failure_are_reported_with_what_the_state_machine_reads(sfn: "SFNClient") -> None:
    success = OutboxMessage(channel=Channel.TASK_SUCCESS, target=TOKEN, body='{"n": 1}')
    failure = OutboxMessage(channel=Channel.TASK_FAILURE, target=TOKEN, body="why", error="Refused")
    with Stubber(sfn) as stub:
        stub.add_response("send_task_success", {}, {"taskToken": TOKEN, "output": '{"n": 1}'})
        stub.add_response("send_task_failure", {}, {"taskToken": TOKEN, "error": "Refused", "cause": "why"})

        results = [StepFunctionsTasks(lambda: sfn).report(outcome, "id") for outcome in (success, failure)]

    assert [(result.message_id, result.error) for result in results] == [("id", None)] * 2


@never_taken
def test_outcome_of_a_task_that_does_not_wait_is_refused_for_good(sfn: "SFNClient", code: str) -> None:
    with Stubber(sfn) as stub:
        stub.add_client_error("send_task_success", code)

        result = StepFunctionsTasks(lambda: sfn).report(
            OutboxMessage(channel=Channel.TASK_SUCCESS, target=TOKEN, body=""), ""
        )

    assert (result.is_permanent, code in str(result.error)) == (True, True)


@may_be_taken
def test_outcome_without_an_answer_is_reported_again(sfn: "SFNClient", code: str) -> None:
    with Stubber(sfn) as stub:
        stub.add_client_error("send_task_failure", code)

        result = StepFunctionsTasks(lambda: sfn).report(
            OutboxMessage(channel=Channel.TASK_FAILURE, target=TOKEN, body=""), ""
        )

    assert (result.is_permanent, code in str(result.error)) == (False, True)


def test_messages_that_run_at_the_same_time_never_make_clients_at_the_same_time(sfn: "SFNClient") -> None:
    making, most, all_there = [], [0], threading.Barrier(THREADS)

    def make() -> "SFNClient":
        making.append(1)
        most.append(len(making))
        time.sleep(0.01)
        making.pop()
        return sfn

    tasks = StepFunctionsTasks(make)

    def beat() -> None:
        all_there.wait(timeout=60)
        tasks.heartbeat(TOKEN)

    threads = [threading.Thread(target=beat) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) == 1
