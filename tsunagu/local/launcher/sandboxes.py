"""Python handlers run as on AWS: a process a sandbox, under AWS's own runtime client.

ministack imports Python handlers into a worker of its own, which gives every error the type `Runtime.HandlerError`.
Its worker for custom runtimes serves the Lambda Runtime API; so a Python function becomes one whose bootstrap starts
awslambdaric in the functions' virtual environment.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import queue
import shlex
import time
from pathlib import Path
from typing import IO, Any

from .function_logs import FunctionLog, Report, Status
from .ministack_modules import lambda_runtime, lambda_svc
from .sandbox_environment import sandbox_environment
from .settings import LauncherSettings

Config = dict[str, Any]
Outcome = dict[str, Any]


def install(settings: LauncherSettings) -> None:
    """Run every Python function in sandboxes of `settings.functions_python`."""
    Sandbox.interpreter = settings.functions_python
    worker_class_for, worker_environment = lambda_runtime._worker_class_for, lambda_svc._provided_worker_env
    execute_warm, emit_logs = lambda_svc._execute_function_warm, lambda_svc._emit_lambda_logs

    def class_for(config: Config) -> Any:
        return Sandbox if _is_python(config) else worker_class_for(config)

    def environment(config: Config, code_directory: str, port: int) -> dict[str, str]:
        build = sandbox_environment if _is_python(config) else worker_environment
        return dict(build(config, code_directory, port))

    def execute(function: Config, event: Any, request_id: str) -> Any:
        run = lambda_svc._execute_function_provided_warm if _is_python(_config_of(function)) else execute_warm
        return run(function, event, request_id)

    def emit(function: Config, *rest: Any, **named: Any) -> None:
        if not _is_python(_config_of(function)):  # a sandbox writes its own log
            emit_logs(function, *rest, **named)

    lambda_runtime._worker_class_for = class_for
    lambda_svc._provided_worker_env = environment
    lambda_svc._execute_function_warm = execute
    lambda_svc._emit_lambda_logs = emit


def _config_of(function: Config) -> Config:
    config: Config = function.get("config") or function
    return config


def _is_python(config: Config) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


class Sandbox(lambda_runtime.ProvidedWorker):  # type: ignore[misc]
    """One execution environment of a Python function: a process that serves one invocation after the other."""

    interpreter: Path

    def __init__(self, function_name: str, config: Config, code_zip: bytes) -> None:
        self._log = FunctionLog(config)
        self._start_seconds = 0.0
        super().__init__(function_name, {**config, "LogStreamName": self._log.stream_name}, code_zip)

    def invoke(self, event: Any, request_id: str, **named: Any) -> Outcome:
        """Run one invocation; a sandbox that fails to start fails this invocation alone."""
        self._log.start(request_id)
        self._start_seconds, began = 0.0, time.monotonic()
        outcome = self._outcome(event, request_id, **named)
        took = time.monotonic() - began - self._start_seconds
        status = _status_of(outcome)
        report = Report(request_id=request_id, status=status, seconds=took, start_seconds=self._start_seconds)
        self._log.report(report)
        return outcome

    def _outcome(self, event: Any, request_id: str, **named: Any) -> Outcome:
        try:
            outcome: Outcome = super().invoke(event, request_id, **named)
        except RuntimeError as error:
            return self._failed_start(error)
        return outcome

    def _failed_start(self, error: RuntimeError) -> Outcome:
        reported = self._init_error  # what the runtime client told, if it came that far
        failure = {"errorMessage": str(error), "errorType": getattr(error, "error_type", "Runtime.ExitError")}
        payload = reported if isinstance(reported, dict) else failure
        return {"status": "error", "error": payload.get("errorMessage"), "error_payload": payload}

    def _spawn(self, init_timeout: float | None = None) -> None:
        bootstrap = Path(lambda_svc._provided_runtime_code_dir(self.code_zip)) / "bootstrap"
        with lambda_svc._provided_code_lock:  # a process that forks now must not inherit the open file
            if not bootstrap.exists():
                interpreter = shlex.quote(str(self.interpreter))
                bootstrap.write_text(f'#!/bin/sh\nexec {interpreter} -m awslambdaric "$_HANDLER"\n')
                bootstrap.chmod(0o755)
        began = time.monotonic()
        try:
            super()._spawn(init_timeout)
        finally:
            self._start_seconds += time.monotonic() - began

    def _teardown(self) -> None:
        if self._proc is not None:
            self._proc.kill()  # as AWS ends a sandbox: no signal that a handler could hold out against
        super()._teardown()

    def _build_handler_class(self, generation: int, pending: queue.Queue[Any]) -> Any:
        return _with_whole_bodies(super()._build_handler_class(generation, pending))

    def _pump_output(self, stream: IO[bytes], _log_queue: queue.Queue[str]) -> None:
        self._log.enter_scope()
        with stream:
            for line in stream:
                self._log.write([line.decode(errors="replace").rstrip("\r\n")])

    def _drain_stderr_bounded(self, *_waits: float, **_named_waits: float) -> str:
        return ""  # the log has its lines already; ministack waits up to 50 ms an invocation for them


def _with_whole_bodies(handler: Any) -> Any:
    """Return a handler of the Runtime API that takes no answer of which a part is missing.

    A process that is killed while it answers has sent less than it announced; ministack takes that for its answer.
    """

    class RuntimeApi(handler):  # type: ignore[misc]
        disable_nagle_algorithm = True  # head and body are two writes: 40 ms an invocation otherwise

        def _read_body(self) -> bytes:
            body: bytes = super()._read_body()
            if len(body) < int(self.headers.get("Content-Length", 0)):
                msg = "the process ended while it answered"
                raise ConnectionResetError(msg)
            return body

    return RuntimeApi


def _status_of(outcome: Outcome) -> Status:
    if outcome["status"] == "ok":
        return "success"
    error_type = (outcome.get("error_payload") or {}).get("errorType")
    statuses: dict[Any, Status] = {"Sandbox.Timedout": "timeout", "Runtime.ExitError": "failure"}
    return statuses.get(error_type, "error")
