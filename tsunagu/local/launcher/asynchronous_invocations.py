"""Runs asynchronous invocations by the rules of Lambda: retries, throttles, age, destinations, dead-letter queue.

ministack counts a throttle as a failed try, gives each try another request id, and has no destination for success.
Unlike on AWS, events live in memory, and the pauses are seconds instead of minutes.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .ministack_modules import concurrency, lambda_svc, responses
from .service_roles import ServiceRole
from .settings import LauncherSettings
from .signed_sends import SendError, SignedSender

Config = dict[str, Any]
Outcome = dict[str, Any]

PRINCIPAL = "lambda.amazonaws.com"
DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 21_600.0
RETRY_SECONDS = (1.0, 2.0)  # on AWS one and two minutes
THROTTLE_SECONDS = 0.2  # on AWS a second at first, and up to five minutes
SUCCESS, EXHAUSTED, TOO_OLD = "Success", "RetriesExhausted", "EventAgeExceeded"
LATEST = "$LATEST"
ERROR_CHARACTERS = 1_000  # on AWS 1 KB

logger = logging.getLogger(__name__)

# The request id that the next try takes: ministack makes one for each.
_request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)


def install(settings: LauncherSettings) -> None:
    """Run each event on a thread of its own, with one request id for all of its tries."""
    new_uuid = lambda_svc.new_uuid

    def kept_or_new() -> str:
        kept = _request_id.get()
        _request_id.set(None)
        return kept or str(new_uuid())

    def invoke(function: Config, event: Any) -> None:
        concurrency.spawn_background(Invocation(settings, function, event).run, thread_name="asynchronous")

    lambda_svc.new_uuid = kept_or_new
    lambda_svc.invoke_async_with_retry = invoke


@dataclass(slots=True)
class Tries:
    """What became of the tries of an event.

    Attributes:
        count: Invocations that ran.
        outcome: Outcome of the last one; None when none ran.
        condition: Why there is no further try.
    """

    count: int = 0
    outcome: Outcome | None = None
    condition: str = EXHAUSTED


@dataclass(slots=True)
class Invocation:
    """An event on its way to a function.

    Attributes:
        settings: Settings of the launcher.
        function: Function, alias or version that is invoked.
        event: Payload.
        request_id: Id of all tries.
    """

    settings: LauncherSettings
    function: Config
    event: Any
    request_id: str = field(default_factory=responses.new_uuid)
    _waits: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Try until a try succeeds, or no further one is allowed; then tell the destinations."""
        config = self._config
        account, region = lambda_svc._account_region_from_function_config(config)
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        options = self._options()
        tries = self._tries(options)
        destinations = options.get("DestinationConfig") or {}
        kind = "OnSuccess" if tries.condition == SUCCESS else "OnFailure"
        if target := (destinations.get(kind) or {}).get("Destination"):
            self._tell(target, tries)
        if tries.condition != SUCCESS and (queue := (config.get("DeadLetterConfig") or {}).get("TargetArn")):
            self._send(queue, json.dumps(self.event), **self._attributes(tries))

    @property
    def _config(self) -> Config:
        config: Config = self.function.get("config") or self.function
        return config

    @property
    def _qualifier(self) -> str:
        return str([*self._config["FunctionArn"].split(":"), LATEST][7])

    def _options(self) -> Config:
        function = lambda_svc._functions.get(self._config["FunctionName"]) or self.function
        options = lambda_svc._event_invoke_config(function, self._qualifier)
        if options is None and self._qualifier == LATEST:
            options = lambda_svc._event_invoke_config(function, None)
        return options or {}

    def _tries(self, options: Config) -> Tries:
        retries = options.get("MaximumRetryAttempts")
        limit = 1 + (DEFAULT_RETRIES if retries is None else int(retries))
        expires = time.monotonic() + float(options.get("MaximumEventAgeInSeconds") or DEFAULT_AGE_SECONDS)
        tries = Tries()
        while self._config["FunctionName"] in lambda_svc._functions:
            pause = self._try_once(tries, limit)
            if pause is None:
                break
            if time.monotonic() + pause > expires:
                tries.condition = TOO_OLD
                break
            self._waits.wait(pause)
        return tries

    def _try_once(self, tries: Tries, limit: int) -> float | None:
        """Invoke the function; return the seconds until the next try, or None when there is none."""
        outcome = self._outcome()
        if outcome.get("throttle"):  # no failed try: only the age of the event ends it
            return None if self._has_no_concurrency() else THROTTLE_SECONDS
        tries.count, tries.outcome = tries.count + 1, outcome
        if not outcome.get("error"):
            tries.condition = SUCCESS
            return None
        return None if tries.count == limit else RETRY_SECONDS[tries.count - 1]

    def _outcome(self) -> Outcome:
        _request_id.set(self.request_id)
        try:
            outcome: Outcome = lambda_svc._execute_function(self.function, self.event)
        finally:
            _request_id.set(None)
        return outcome

    def _has_no_concurrency(self) -> bool:
        function = lambda_svc._functions.get(self._config["FunctionName"])
        reserved: int | None = lambda_svc._reserved_concurrency(function, self._config)
        return reserved == 0

    def _tell(self, target: str, tries: Tries) -> None:
        context = {
            "requestId": self.request_id,
            "functionArn": ":".join([*self._config["FunctionArn"].split(":")[:7], self._qualifier]),
            "condition": tries.condition,
            "approximateInvokeCount": tries.count,
        }
        record = {
            "version": "1.0",
            "timestamp": responses.now_iso(),
            "requestContext": context,
            "requestPayload": self.event,
        }
        if tries.outcome is not None:
            failed = {} if tries.condition == SUCCESS else {"functionError": "Unhandled"}
            record["responseContext"] = {"statusCode": 200, "executedVersion": self._version, **failed}
            record["responsePayload"] = tries.outcome.get("body")
        self._send(target, json.dumps(record), is_success=tries.condition == SUCCESS)

    @property
    def _version(self) -> str:
        return str(self._config.get("Version", LATEST))

    def _attributes(self, tries: Tries) -> dict[str, Any]:
        """Return what a message in the queue of `DeadLetterConfig` says, besides the event.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
        """
        answer = tries.outcome.get("body") if tries.outcome is not None else None
        text = str(answer.get("errorMessage", "")) if isinstance(answer, dict) else str(answer or "")
        values = {
            "RequestID": ("String", self.request_id),
            "ErrorCode": ("Number", "200" if tries.outcome is not None else "429"),
            "ErrorMessage": ("String", text[:ERROR_CHARACTERS] or tries.condition),
        }
        named = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in values.items()}
        return {"MessageAttributes": named}

    def _send(self, target: str, text: str, *, is_success: bool = False, **parameters: Any) -> None:
        service = target.split(":")[2]
        sender = self._sender()
        try:
            if service == "sqs":
                sender.send_message(target, text, **parameters)
            elif service == "sns":
                sender.publish(target, text)
            elif service == "lambda":
                sender.invoke(target, text, waits=False)
            else:
                detail_type = f"Lambda Function Invocation Result - {'Success' if is_success else 'Failure'}"
                sender.put_event(target, Source="lambda", DetailType=detail_type, Detail=text)
        except SendError as error:
            logger.warning("%s did not reach %s: %s", self._config["FunctionName"], target, error)

    def _sender(self) -> SignedSender:
        config = self._config
        role = ServiceRole(
            arn=config["Role"],
            service=PRINCIPAL,
            source_arn=config["FunctionArn"],
            enforced=self.settings.enforce_iam,
        )
        return SignedSender(
            role=role,
            session_name=config["FunctionName"],
            region=config["FunctionArn"].split(":")[3],
            endpoint_url=self.settings.endpoint_url,
        )
