"""Lets a task wait for its token as Step Functions does: heartbeats, time-outs, and late answers.

ministack stores heartbeats and reads them nowhere, accepts the answer to a task of an ended execution, and checks the
permission to answer on no machine.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import executions
from .ministack_modules import iam_actions, responses, stepfunctions

Task = dict[str, Any]
Answer = Any

POLL_SECONDS = 0.05
CALLBACK = ".waitForTaskToken"
_ANSWER_TARGET = ".SendTask"
_OPERATIONS = ("_send_task_success", "_send_task_failure", "_send_task_heartbeat")

_issued: dict[str, executions.Execution] = {}  # execution of each token, also of those that are spent


def install() -> None:
    """Wait for tokens in this way, and check an answer on the machine of its token."""
    resource_arn = iam_actions.extract_resource_arn

    def machine_of_answer(service: str, method: str, path: str, headers: dict[str, str], *rest: Any) -> str:
        if service != "states" or _ANSWER_TARGET not in headers.get("x-amz-target", ""):
            return str(resource_arn(service, method, path, headers, *rest))
        body: bytes = rest[0]
        execution = _issued.get(json.loads(body or b"{}").get("taskToken"))
        return str(execution["stateMachineArn"]) if execution else "*"

    iam_actions.extract_resource_arn = machine_of_answer
    stepfunctions._invoke_with_callback = _invoke_and_wait
    for name in _OPERATIONS:
        setattr(stepfunctions, name, _living_only(getattr(stepfunctions, name)))


def _living_only(handle: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    def handle_living(data: dict[str, Any]) -> Answer:
        token = data.get("taskToken")
        if token not in _issued:
            return responses.error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
        task = stepfunctions._task_tokens.get(token)
        if task is None or task["event"].is_set() or not executions.is_running(_issued[token]):
            message = "Task Timed Out: 'Provided task does not exist anymore'"
            return responses.error_response_json("TaskTimedOut", message, 400)
        task["beat"] = time.monotonic()
        return handle(data)

    return handle_living


def _invoke_and_wait(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
    """Call the service, then wait for an answer, a missed heartbeat, the time-out, or the end of the execution."""
    execution = executions.current()
    task: Task = {"event": threading.Event(), "result": None, "error": None, "beat": time.monotonic()}
    _issued[token] = execution
    stepfunctions._task_tokens[token] = task
    try:
        stepfunctions._invoke_resource(resource.replace(CALLBACK, ""), arguments)
        Wait(execution=execution, task=task, state=state, began=time.monotonic()).run()
    finally:
        stepfunctions._task_tokens.pop(token, None)
    if task["error"]:
        raise stepfunctions._ExecutionError(task["error"]["Error"], task["error"]["Cause"])
    return json.loads(task["result"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The wait for the answer to one task.

    Attributes:
        execution: Execution that waits.
        task: What ministack keeps of the task, and when its worker was last heard of.
        state: State of the task, with its limits as numbers.
        began: When the wait began, in seconds of the monotonic clock.
    """

    execution: executions.Execution
    task: Task
    state: dict[str, Any]
    began: float

    def run(self) -> None:
        """Return when the task is answered.

        Raises:
            ExecutionEndedError: The execution has ended meanwhile.
        """
        while not self.task["event"].wait(POLL_SECONDS):
            executions.require_running(self.execution)
            self._check("HeartbeatSeconds", "States.HeartbeatTimeout", max(self.task["beat"], self.began))
            self._check("TimeoutSeconds", "States.Timeout", self.began)

    def _check(self, limit: str, error: str, since: float) -> None:
        seconds = self.state.get(limit)
        if seconds and time.monotonic() - since > seconds:
            raise stepfunctions._ExecutionError(error, "")
