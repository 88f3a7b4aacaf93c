"""Commands to the preprocessor: start a request, or replay one. They are read from JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts.claims import ClaimKeyError, check_id
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import JsonObject, json_text, read_json
from tsunagu.runtime.pipeline.errors import MalformedRequestError, UnknownStepError
from tsunagu.runtime.pipeline.shape import Pipeline, PipelineStep

IDEMPOTENCY_KEY_LENGTHS = range(1, 257)

_ACTIONS = ("start", "replay")  # a tuple: a list or an object, which a caller may send, cannot be looked up in a set
_START_FIELDS = {"action", "payload", "idempotency_key", "from_step"}
_REPLAY_FIELDS = {"action", "request_id", "from_step", "only", "payload", "idempotency_key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """The input of a step, as plain JSON.

    Attributes:
        request: The request, a JSON object.
        results: Results of the services of the step before, by service name; empty at the first step.
    """

    request: JsonObject
    results: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCommand:
    """A command to start a request.

    Attributes:
        step: The first step of the run.
        given: The input of the step.
        idempotency_key: The caller's own id for the request, or None.
    """

    step: PipelineStep
    given: StepInput
    idempotency_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCommand:
    """A command to run a request once more.

    Attributes:
        step: The first step of the run.
        request_id: The request.
        only: The only service of the step that is to work. None: all services work.
        given: The input of the step. None: the stored input is used.
        idempotency_key: The caller's own id for the replay, or None.
    """

    step: PipelineStep
    request_id: str
    only: str | None
    given: StepInput | None
    idempotency_key: str | None


Command = StartCommand | ReplayCommand
RequestCheck = Callable[[JsonObject], object]


def with_payload(document: object) -> Any:
    """Return the document of a direct invocation with its `payload_json` read, as `payload`.

    Lambda reads the event of an invocation before the preprocessor does, and rounds its numbers to floats. In the text
    of `payload_json` they stay exact.

    Raises:
        MalformedRequestError: The document is not JSON; it has a payload too; or `read_json` refuses the text.
    """
    try:
        json_text(document)
        if not isinstance(document, dict) or "payload_json" not in document:
            return document
        payload = read_json("payload_json", _text("payload_json", document["payload_json"]))
    except InvalidMessageError as error:
        raise MalformedRequestError(str(error)) from None
    if "payload" in document:
        msg = "a command must have payload or payload_json, got both"
        raise MalformedRequestError(msg)
    return {**{name: value for name, value in document.items() if name != "payload_json"}, "payload": payload}


def command_from_json(pipeline: Pipeline, document: object, check: RequestCheck | None = None) -> Command:
    """Read a command.

    Args:
        pipeline: The pipeline.
        document: `{"action": "start", "payload": …, "idempotency_key"?, "from_step"?}` or `{"action": "replay",
            "request_id": …, "from_step": …, "only"?, "payload"?, "idempotency_key"?}`. The payload of the first step is
            the request's JSON object; that of a later one is `{"request": …, "results": {service: …}}`, with exactly
            the services of the step before.
        check: Raises `InvalidMessageError` for a request that the services would not accept. Default: the services say
            so, each by a dead letter.

    Raises:
        MalformedRequestError: The document is malformed.
        UnknownStepError: The pipeline has no such step, or the step no such service.
    """
    action = document.get("action") if isinstance(document, dict) else None
    if not isinstance(document, dict) or action not in _ACTIONS:
        msg = f"action must be start or replay, got {_form(action)}"
        raise MalformedRequestError(msg)
    command = _start(pipeline, document) if action == "start" else _replay(pipeline, document)
    if check is not None and command.given is not None:
        try:
            check(command.given.request)
        except InvalidMessageError as error:
            # Lambda logs the text, so it has no value of the request.
            msg = f"the request must be one that the pipeline accepts: {error.expectation or 'its reader refused it'}"
            raise MalformedRequestError(msg) from None
    return command


def _start(pipeline: Pipeline, document: JsonObject) -> StartCommand:
    _check_fields(document, _START_FIELDS, required={"payload"})
    step = pipeline.step(document.get("from_step", pipeline.steps[0].name))
    given = _given(pipeline, step, document["payload"])
    return StartCommand(step=step, given=given, idempotency_key=_idempotency_key(document))


def _replay(pipeline: Pipeline, document: JsonObject) -> ReplayCommand:
    _check_fields(document, _REPLAY_FIELDS, required={"request_id", "from_step"})
    try:
        request_id = check_id("request_id", document["request_id"])
    except ClaimKeyError as error:
        raise MalformedRequestError(str(error)) from None
    step = pipeline.step(document["from_step"])
    only = document.get("only")
    if only is not None and only not in step.services:
        msg = f"only must be one of {[*step.services]}, the services of {step.name}, got {_form(only)}"
        raise UnknownStepError(msg)
    return ReplayCommand(
        step=step,
        request_id=request_id,
        only=only,
        given=_given(pipeline, step, document["payload"]) if "payload" in document else None,
        idempotency_key=_idempotency_key(document),
    )


def _check_fields(document: JsonObject, known: set[str], *, required: set[str]) -> None:
    if not required <= document.keys() <= known:
        msg = (
            f"a {document['action']} must have the fields {sorted(required)}, and no others than {sorted(known)}, "
            f"got {_names(document)}"
        )
        raise MalformedRequestError(msg)


def _idempotency_key(document: JsonObject) -> str | None:
    key = document.get("idempotency_key")
    if key is not None and (not isinstance(key, str) or len(key) not in IDEMPOTENCY_KEY_LENGTHS):
        msg = f"idempotency_key must be text of 1 to 256 characters, got {_form(key)}"
        raise MalformedRequestError(msg)
    return key


def _given(pipeline: Pipeline, step: PipelineStep, payload: object) -> StepInput:
    before = pipeline.before(step.name)
    if before is None:
        return StepInput(request=_object("payload", payload), results={})
    parts = _object(f"payload of {step.name}", payload)
    if parts.keys() != {"request", "results"}:
        msg = f"payload of {step.name} must have the fields ['request', 'results'], got {_names(parts)}"
        raise MalformedRequestError(msg)
    results = _object("results", parts["results"])
    if results.keys() != set(before.services):
        msg = f"results must be those of {sorted(before.services)}, got {_names(results)}"
        raise MalformedRequestError(msg)
    return StepInput(request=_object("request", parts["request"]), results=results)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        msg = f"{name} must be text, got {type(value).__name__}"
        raise MalformedRequestError(msg)
    return value


def _object(name: str, value: object) -> JsonObject:
    if not isinstance(value, dict):
        msg = f"{name} must be a JSON object, got {type(value).__name__}"
        raise MalformedRequestError(msg)
    return value


def _form(value: object) -> str:
    """Describe a value of the caller, without the value: Lambda logs the text of an error that refuses a command."""
    return f"text of {len(value):,} characters" if isinstance(value, str) else type(value).__name__


def _names(fields: JsonObject) -> str:
    return str(sorted(map(str, fields)))[:256]
