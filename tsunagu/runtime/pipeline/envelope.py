"""The envelope: the body of a message to a step. Two senders of the same message write the same text."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from tsunagu.contracts.claims import ClaimKeyError, check_id, check_name, is_key_of
from tsunagu.contracts.messages import (
    HOP_COUNT_ATTRIBUTE,
    SCHEMA_VERSION,
    SCHEMA_VERSION_ATTRIBUTE,
    SERVICE_ATTRIBUTE,
    TRACE_CONTEXT_ATTRIBUTE,
)
from tsunagu.runtime.claim_check import Part, Stored, part_from_json
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import JsonObject, json_text

_REQUIRED = {"schema_version", "request_id", "run_id", "pipeline", "step", "hop", "request", "results"}
_OF_ONE_SERVICE = {"only", "base_run_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The body of a message to the services of a step.

    Attributes:
        request_id: The request; a UUID of version 7.
        run_id: The run, which is one pass of the request through the steps; a UUID of version 7.
        pipeline: Name of the pipeline.
        step: Name of the step; empty after the last step, in the message on the completion topic.
        hop: Number of the hop, from 1.
        request: The JSON that started the run.
        results: Results of the services of the step before, by service name; empty at the first step.
        only: Name of the only service of the step that is to work. Default: all services work.
        base_run_id: With `only`: the run that has the results of the other services of the step.
    """

    request_id: str
    run_id: str
    pipeline: str
    step: str
    hop: int
    request: Part
    results: Mapping[str, Part] = field(default_factory=dict)
    only: str | None = None
    base_run_id: str | None = None

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read an envelope.

        Raises:
            InvalidMessageError: A field is missing, unknown or malformed, or a part is an object outside the request's
                own prefix.
        """
        fields = body.keys() if isinstance(body, dict) else set()
        if not isinstance(body, dict) or fields - _OF_ONE_SERVICE != _REQUIRED or len(fields & _OF_ONE_SERVICE) == 1:
            got = sorted(map(str, body)) if isinstance(body, dict) else type(body).__name__
            msg = f"an envelope must have {sorted(_REQUIRED)}, and both or none of {sorted(_OF_ONE_SERVICE)}, got {got}"
            raise InvalidMessageError(msg)
        if body["schema_version"] != SCHEMA_VERSION:
            msg = f"schema_version must be {SCHEMA_VERSION}, got {str(body['schema_version'])[:16]!r}"
            raise InvalidMessageError(msg)
        if type(body["hop"]) is not int or body["hop"] < 1:
            msg = f"hop must be a whole number from 1, got {str(body['hop'])[:16]!r}"
            raise InvalidMessageError(msg)
        try:
            return cls._from_fields(body)
        except ClaimKeyError as error:
            raise InvalidMessageError(str(error)) from None

    @classmethod
    def _from_fields(cls, body: JsonObject) -> Self:
        results = body["results"]
        if not isinstance(results, dict):
            msg = f"results must be an object, got {type(results).__name__}"
            raise InvalidMessageError(msg)
        pipeline, request_id = check_name("pipeline", body["pipeline"]), check_id("request_id", body["request_id"])
        has_one = "only" in body
        return cls(
            request_id=request_id,
            run_id=check_id("run_id", body["run_id"]),
            pipeline=pipeline,
            step=check_name("step", body["step"]) if body["step"] != "" else "",
            hop=body["hop"],
            request=_part("request", body["request"], pipeline, request_id),
            results={
                check_name("service", service): _part(f"the result of {service}", part, pipeline, request_id)
                for service, part in results.items()
            },
            only=check_name("only", body["only"]) if has_one else None,
            base_run_id=check_id("base_run_id", body["base_run_id"]) if has_one else None,
        )

    def to_json(self) -> JsonObject:
        """Return the envelope as JSON, which `from_json` reads."""
        body: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "request_id": self.request_id,
            "run_id": self.run_id,
            "pipeline": self.pipeline,
            "step": self.step,
            "hop": self.hop,
            "request": self.request.to_json(),
            "results": {service: self.results[service].to_json() for service in sorted(self.results)},
        }
        return body if self.only is None else {**body, "only": self.only, "base_run_id": self.base_run_id}

    def encode(self) -> str:
        """Return the text of the message."""
        return json_text(self.to_json())

    def onward(self, step: str, results: Mapping[str, Part]) -> Self:
        """Return the envelope of the same run for the next step."""
        return replace(self, step=step, hop=self.hop + 1, results=results, only=None, base_run_id=None)


def attributes_of(envelope: Envelope, trace_context: str | None) -> dict[str, str]:
    """Return the message attributes of an envelope. The outbox adds the request id."""
    attributes = {SCHEMA_VERSION_ATTRIBUTE: str(SCHEMA_VERSION), HOP_COUNT_ATTRIBUTE: str(envelope.hop)}
    if envelope.only is not None:
        attributes[SERVICE_ATTRIBUTE] = envelope.only
    if trace_context:
        attributes[TRACE_CONTEXT_ATTRIBUTE] = trace_context
    return attributes


def _part(name: str, value: object, pipeline: str, request_id: str) -> Part:
    part = part_from_json(name, value)
    if isinstance(part, Stored) and not is_key_of(part.key, pipeline, request_id):
        msg = f"{name} must lie under the request's own {pipeline}/{request_id}/, got {part.key[:128]!r}"
        raise InvalidMessageError(msg)
    return part
