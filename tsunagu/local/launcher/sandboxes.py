"""Runs Python handlers as on AWS: each sandbox is a process under AWS's own runtime client.

ministack imports Python handlers into a worker of its own, which gives every error the type `Runtime.HandlerError`.
But its worker for custom runtimes serves the Lambda Runtime API. So a Python function runs as a custom runtime here,
and its bootstrap starts awslambdaric in the virtual environment of the functions.
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
    """Run every Python function in sandboxes with the interpreter `settings.functions_python`."""
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
    """An execution environment of a Python function: a process that serves invocations one after another."""

    interpreter: Path

    def __init__(self, function_name: str, config: Config, code_zip: bytes) -> None:
        self._log = FunctionLog(config)
        self._start_seconds = 0.0
        super().__init__(function_name, {**config, "LogStreamName": self._log.stream_name}, code_zip)

    def invoke(self, event: Any, request_id: str, **named: Any) -> Outcome:
        """Run one invocation. When the sandbox does not start, only this invocation fails."""
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
        reported = self._init_error  # the report of the runtime client, if there is one
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
            self._proc.kill()  # SIGKILL, as on AWS: a handler cannot ignore it
        super()._teardown()

    def _build_handler_class(self, generation: int, pending: queue.Queue[Any]) -> Any:
        return _with_whole_bodies(super()._build_handler_class(generation, pending))

    def _pump_output(self, stream: IO[bytes], _log_queue: queue.Queue[str]) -> None:
        self._log.enter_scope()
        with stream:
            for line in stream:
                self._log.write([line.decode(errors="replace").rstrip("\r\n")])

    def _drain_stderr_bounded(self, *_waits: float, **_named_waits: float) -> str:
        return ""  # the log has the lines already; ministack would wait up to 50 ms for them


def _with_whole_bodies(handler: Any) -> Any:
    """Return a handler of the Runtime API that refuses incomplete answers, and knows SnapStart.

    A process that is killed while it answers sends less than its Content-Length. ministack takes that part as answer.

    There are no snapshots here: each process of a version with SnapStart runs its hooks one after the other, as if it
    were the only sandbox that is restored.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html
    """

    class RuntimeApi(handler):  # type: ignore[misc]
        path: str
        disable_nagle_algorithm = True  # header and body are two writes, which cost 40 ms otherwise

        def _read_body(self) -> bytes:
            body: bytes = super()._read_body()
            if len(body) < int(self.headers.get("Content-Length", 0)):
                msg = "the process ended while it answered"
                raise ConnectionResetError(msg)
            return body

        def do_GET(self) -> None:  # noqa: N802 - the name that `http.server` calls
            if self.path.endswith("/restore/next"):
                self._respond(200)
            else:
                super().do_GET()

        def do_POST(self) -> None:  # noqa: N802 - as above
            self.path = self.path.replace("/restore/error", "/init/error")  # this process does not start
            super().do_POST()

    return RuntimeApi


def _status_of(outcome: Outcome) -> Status:
    if outcome["status"] == "ok":
        return "success"
    error_type = (outcome.get("error_payload") or {}).get("errorType")
    statuses: dict[Any, Status] = {"Sandbox.Timedout": "timeout", "Runtime.ExitError": "failure"}
    return statuses.get(error_type, "error")
