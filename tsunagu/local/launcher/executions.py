"""Ends executions of state machines as Step Functions does: time-outs of a whole execution, and aborts.

ministack has no time-out of an execution, lets an aborted one fail afterwards, and knows neither `RoleArn`, nor a
time-out that is an expression, nor the output of a Succeed state.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

from .ministack_modules import stepfunctions

Execution = dict[str, Any]
State = dict[str, Any]

RUNNING = "RUNNING"
_NUMBERS = ("TimeoutSeconds", "HeartbeatSeconds")
_LAST_EVENTS = frozenset({"ExecutionAborted", "ExecutionTimedOut"})

_current: contextvars.ContextVar[Execution] = contextvars.ContextVar("execution")


class ExecutionEndedError(BaseException):
    """The execution has ended meanwhile. No `Retry`, no `Catch` and no handler of ministack must see it."""


def install() -> None:
    """End executions in this way, and let `current` return the execution of the calling thread."""
    execute_task, fail, add_event = stepfunctions._execute_task, stepfunctions._fail_execution, stepfunctions._add_event
    run, invoke = stepfunctions._run_execution, stepfunctions._invoke_resource

    def execute_in(state: State, given: Any, execution: Execution, context: dict[str, Any]) -> Any:
        _current.set(execution)
        context["Execution"] |= {"RoleArn": role_of(execution), "RedriveCount": 0}
        return execute_task(_with_numbers(state, given, context), given, execution, context)

    def fail_running(execution: Execution, error: str, cause: str) -> None:
        if is_running(execution):
            fail(execution, error, cause)

    def add_while_running(execution: Execution, kind: str, details: dict[str, Any] | None = None) -> Any:
        ended = execution["status"] in ("ABORTED", "TIMED_OUT")
        return None if ended and kind not in _LAST_EVENTS else add_event(execution, kind, details)

    def invoke_while_running(resource: str, arguments: Any) -> Any:
        require_running(current())
        return invoke(resource, arguments)

    def run_in_time(execution_arn: str) -> None:
        timer = _timer(stepfunctions._executions[execution_arn])
        try:
            run(execution_arn)
        except ExecutionEndedError:
            return
        finally:
            if timer is not None:
                timer.cancel()

    stepfunctions._execute_task = execute_in
    stepfunctions._fail_execution = fail_running
    stepfunctions._add_event = add_while_running
    stepfunctions._invoke_resource = invoke_while_running
    stepfunctions._apply_output_path = _applying_output(stepfunctions._apply_output_path)
    stepfunctions._run_execution = run_in_time


def current() -> Execution:
    """Return the execution that the calling thread runs."""
    return _current.get()


def role_of(execution: Execution) -> str:
    """Return the ARN of the role with which an execution started."""
    return str(execution["events"][0]["executionStartedEventDetails"]["roleArn"])


def is_running(execution: Execution) -> bool:
    """Return whether an execution has not ended."""
    return bool(execution["status"] == RUNNING)


def require_running(execution: Execution) -> None:
    """Leave the thread of an execution that has ended.

    Raises:
        ExecutionEndedError: It has.
    """
    if not is_running(execution):
        raise ExecutionEndedError


def _with_numbers(state: State, given: Any, context: dict[str, Any]) -> State:
    """Return a state whose time-outs are numbers, where they may be expressions or paths."""
    numbers = {}
    for field in _NUMBERS:
        if isinstance(state.get(field), str):
            numbers[field] = stepfunctions._jsonata_state_field(state, field, "number", given, context)
        elif f"{field}Path" in state:
            numbers[field] = stepfunctions._resolve_path_or_ctx(state[f"{field}Path"], given, context)
    return state | numbers


def _applying_output(apply_output_path: Callable[..., Any]) -> Callable[..., Any]:
    def apply(state: State, given: Any, context: dict[str, Any]) -> Any:
        if state.get("Type") == "Succeed" and "Output" in state:
            return stepfunctions._apply_jsonata_output(state, given, context, default=given)
        return apply_output_path(state, given, context)

    return apply


def _timer(execution: Execution) -> threading.Timer | None:
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
    seconds = json.loads(machine.get("definition") or "{}").get("TimeoutSeconds")
    if not seconds:
        return None
    timer = threading.Timer(float(seconds), contextvars.copy_context().run, (_time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(execution: Execution) -> None:
    if is_running(execution):
        execution.update(status="TIMED_OUT", stopDate=stepfunctions.now_iso(), error=None, cause=None)
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        stepfunctions._emit_execution_status_event(execution)
