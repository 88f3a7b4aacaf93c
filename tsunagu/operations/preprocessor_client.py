"""Asks the preprocessor of a pipeline to start or to replay requests."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from tsunagu.errors import InvalidInputError, NotAcceptedError
from tsunagu.runtime.clock import Clock, SystemClock, new_request_id
from tsunagu.runtime.errors import InvalidMessageError, UnavailableError
from tsunagu.runtime.json_text import has_exact_numbers, json_text
from tsunagu.runtime.pipeline.errors import NotPublishedError, RequestInProgressError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
INVOCATION_BYTES = 6 * 1_048_576
CALLS_AT_ONCE = 8
RETRY_AFTER_SECONDS = 1.0
# The command itself is right: another call works on it, the pipeline is out of reach, or the handler ended without an
# answer. With the same idempotency key a retry starts nothing twice.
RETRYABLE_ERRORS = {kind.__name__ for kind in (RequestInProgressError, NotPublishedError, UnavailableError)} | {
    "Runtime.ExitError",
    "Sandbox.Timedout",
}

Command = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRun:
    """A run that a preprocessor started.

    Attributes:
        request_id: Id of the request, which follows it through every hop.
        run_id: Id of the run.
        is_duplicate: Whether an earlier call with the same idempotency key started the run.
    """

    request_id: str
    run_id: str
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class PreprocessorClient:
    """Sends commands to the deployed preprocessor of one pipeline.

    Attributes:
        client: Lambda client.
        function_name: Function of the preprocessor, or the ARN of its alias.
        patience_seconds: How long a command is retried after an error of `RETRYABLE_ERRORS`. Default: no retry.
        clock: The time. Default: the machine's.
    """

    client: "LambdaClient"
    function_name: str
    patience_seconds: float = 0.0
    clock: Clock = field(default_factory=SystemClock)

    def ask(self, command: Command) -> StartedRun:
        """Send a command, and return the run that it started.

        Args:
            command: From `start_command` or `replay_command`. Without an idempotency key it gets a new one, so that a
                retry starts nothing twice.

        Raises:
            NotAcceptedError: The preprocessor refused the command, or failed for longer than `patience_seconds`.
            InvalidInputError: The command is too large for an invocation, or is not Unicode.
        """
        key = command.get("idempotency_key", new_request_id(self.clock.now_ms()))
        event = _event({**command, "idempotency_key": key})
        deadline_ms = self.clock.now_ms() + self.patience_seconds * 1_000
        while True:
            try:
                return self._invoke(event)
            except NotAcceptedError as error:
                if not error.can_retry:
                    raise
                if self.clock.now_ms() >= deadline_ms:
                    msg = f"{error}; a retry with the idempotency key {key} starts nothing twice"
                    raise NotAcceptedError(msg, error_type=error.error_type, can_retry=True) from None
            self.clock.sleep(RETRY_AFTER_SECONDS)

    def ask_all(self, commands: Iterable[Command]) -> list[StartedRun]:
        """Send commands, some at the same time, and return their runs in the order of the commands.

        Raises:
            NotAcceptedError: A command was not accepted.
            InvalidInputError: A command is too large for an invocation, or is not Unicode.
        """
        with ThreadPoolExecutor(CALLS_AT_ONCE) as callers:
            return list(callers.map(self.ask, commands))

    def _invoke(self, event: bytes) -> StartedRun:
        try:
            answer = self.client.invoke(FunctionName=self.function_name, Payload=event)
            content: dict[str, Any] = json.loads(answer["Payload"].read())
        except BotoCoreError as error:  # it may have started the run, and its answer was lost
            msg = f"the preprocessor must answer, got: {error}"
            raise NotAcceptedError(msg, error_type=type(error).__name__, can_retry=True) from None
        if answer.get("FunctionError"):
            raise _not_accepted(content)
        return StartedRun(
            request_id=content["request_id"], run_id=content["run_id"], is_duplicate=content["status"] == "duplicate"
        )


def start_command(
    payload: Mapping[str, object], *, key: str | None = None, from_step: str | None = None
) -> dict[str, object]:
    """Return the command that starts a request.

    Args:
        payload: The request; for a later step `{"request": …, "results": {service: …}}`.
        key: Idempotency key. Default: the client makes one.
        from_step: Step to start at. Default: the first one.
    """
    return _given({"action": "start", "payload": payload, "idempotency_key": key, "from_step": from_step})


def replay_command(
    request_id: str,
    from_step: str,
    *,
    only: str | None = None,
    payload: Mapping[str, object] | None = None,
    key: str | None = None,
) -> dict[str, object]:
    """Return the command that replays a request.

    Args:
        request_id: The request.
        from_step: Step to start at.
        only: The one service of the step that works again. Default: all services of the step.
        payload: Another input of the step. Default: the input that the step had.
        key: Idempotency key. Default: the client makes one.
    """
    return _given(
        {
            "action": "replay",
            "request_id": request_id,
            "from_step": from_step,
            "only": only,
            "payload": payload,
            "idempotency_key": key,
        }
    )


def check_command(command: Command) -> None:
    """Check that a command fits an invocation, before anybody is asked about it.

    Raises:
        InvalidInputError: The command is too large for an invocation, or is not Unicode.
    """
    _event(command)


def _given(command: Command) -> dict[str, object]:
    return {name: value for name, value in command.items() if value is not None}


def _event(command: Command) -> bytes:
    try:
        if has_exact_numbers(command.get("payload")):  # Lambda would round them
            payload = json_text(command["payload"])
            command = {**{name: value for name, value in command.items() if name != "payload"}, "payload_json": payload}
        event = json.dumps(command, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        msg = "the payload must be Unicode text, got half a surrogate pair"
        raise InvalidInputError(msg) from None
    except InvalidMessageError as error:
        msg = f"the payload must be JSON: {error}"
        raise InvalidInputError(msg) from None
    if len(event) > INVOCATION_BYTES:
        msg = f"the payload must fit into an invocation of {INVOCATION_BYTES:,} bytes, got {len(event):,}"
        raise InvalidInputError(msg)
    return event


def _not_accepted(content: Mapping[str, Any]) -> NotAcceptedError:
    error_type = str(content.get("errorType", ""))
    msg = f"the preprocessor must accept the command, got: {content.get('errorMessage') or error_type}"
    return NotAcceptedError(msg, error_type=error_type, can_retry=error_type in RETRYABLE_ERRORS)
