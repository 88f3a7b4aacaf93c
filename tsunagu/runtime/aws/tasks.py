"""Adapter of Step Functions: heartbeats and outcomes of tasks that wait for a message."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.runtime.aws.sdk_errors import error_code, failed_call
from tsunagu.runtime.errors import TaskLostError, UnavailableError
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage
from tsunagu.runtime.sending.publish import SendResult

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_NEVER_TAKEN = frozenset(
    {
        "TaskDoesNotExist",
        "TaskTimedOut",
        "InvalidToken",
        "InvalidOutput",
        "ValidationException",
        "ParamValidationError",  # botocore's own, of a token that is empty
    }
)
_TASK = "the task"  # a token does not say of which state machine; the text of a denied call does


class StepFunctionsTasks:
    """Sends heartbeats and outcomes to tasks.

    Args:
        client: Returns the Step Functions client; called when a heartbeat or an outcome is sent.
    """

    def __init__(self, client: "Callable[[], SFNClient]") -> None:
        self._client = client
        self._lock = threading.Lock()

    def heartbeat(self, token: str) -> None:
        """Send a heartbeat: the work on a task goes on.

        Raises:
            TaskLostError: The task does not wait any more, or never did.
            UnavailableError: Step Functions did not accept the heartbeat.
        """
        try:
            self._made_client().send_task_heartbeat(taskToken=token)
        except (ClientError, BotoCoreError) as error:
            if _is_never_taken(error):
                msg = f"a task must wait for its outcome when a heartbeat is sent, got {error_code(error)}"
                raise TaskLostError(msg) from error
            call = failed_call(error, "states:SendTaskHeartbeat", _TASK)
            msg = f"Step Functions did not accept the heartbeat: {call.code} ({call})"
            raise UnavailableError(msg, call=call) from error

    def report(self, message: OutboxMessage, message_id: str) -> SendResult:
        """Send the outcome of a task. No failure is raised.

        Args:
            message: The outcome, its target the token.
            message_id: Id of the outcome in the result.
        """
        is_success = message.channel is Channel.TASK_SUCCESS
        operation = "SendTaskSuccess" if is_success else "SendTaskFailure"
        try:
            if is_success:
                self._made_client().send_task_success(taskToken=message.target, output=message.body)
            else:
                self._made_client().send_task_failure(
                    taskToken=message.target, error=message.error or "", cause=message.body
                )
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, f"states:{operation}", _TASK)
            return SendResult(None, str(error), _is_never_taken(error), call)
        return SendResult(message_id)

    def _made_client(self) -> "SFNClient":
        with self._lock:  # heartbeats may come from several threads, and a session makes one client at a time
            return self._client()


def _is_never_taken(error: ClientError | BotoCoreError) -> bool:
    return error_code(error) in _NEVER_TAKEN
