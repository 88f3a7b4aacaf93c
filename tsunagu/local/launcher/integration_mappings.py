"""Maps requests of a REST API to requests of a service, and answers of the service to responses of the API."""

import re
from dataclasses import dataclass, field
from typing import Any

from . import json_paths
from .gateway_requests import Context, variable
from .mapping_templates import Parameters, TemplateInput, render

Integration = dict[str, Any]
Template = str

SUCCESS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """What a service is asked.

    Attributes:
        body: Text of the body.
        header: Headers.
        path: Values for the names in braces of the integration's path.
        querystring: Parameters of the query.
    """

    body: str
    header: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    querystring: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """What a service answers.

    Attributes:
        status: HTTP status.
        headers: Headers, with their names in lower case.
        body: The body.
        failure: The function's error message, if a function has failed; None for other services.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    failure: str | None = None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def selector(self) -> str:
        """What selection patterns are compared with: a function's error message, else the HTTP status."""
        return str(self.status) if self.failure is None else self.failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call of an integration: what its mappings read.

    Attributes:
        integration: The integration, as ministack keeps it.
        parameters: Parameters of the request to the API.
        body: Body of the request to the API, as text.
        context: Variables of `$context`.
        stage_variables: Variables of the stage.
    """

    integration: Integration
    parameters: Parameters
    body: str
    context: Context
    stage_variables: dict[str, str]

    def request(self) -> ServiceRequest:
        """Return what the service is asked: mapped parameters, then the template, then its overrides.

        Raises:
            MalformedBodyError: The template reads a part of a body that is not JSON.
            Exception: The template fails.
        """
        self.context["requestOverride"] = {"header": {}, "path": {}, "querystring": {}}
        template = _of_type(self.integration.get("requestTemplates"), self.parameters.find("header", "content-type"))
        body = self.body if template is None else self._render(template, self.body)
        mapped = self._mapped_parameters()
        for location, values in self.context["requestOverride"].items():
            mapped[location] |= {name: str(value) for name, value in values.items()}
        return ServiceRequest(body=body, **mapped)

    def response(self, answer: ServiceAnswer) -> tuple[int, dict[str, str], bytes] | None:
        """Return status, headers and body of the API's response; None when no integration response fits.

        Raises:
            MalformedBodyError: The template reads a part of an answer that is not JSON.
            Exception: The template fails.
        """
        chosen = _select(self.integration, answer.selector)
        if chosen is None:
            return None
        override: dict[str, Any] = {"header": {}, "status": ""}
        self.context["responseOverride"] = override
        template = _of_type(chosen.get("responseTemplates"), self.parameters.find("header", "accept"), first=True)
        body = answer.body if template is None else self._render(template, answer.text).encode()
        headers = self._response_headers(chosen, answer) | {
            name: str(value) for name, value in override["header"].items()
        }
        return int(override["status"] or chosen.get("statusCode") or SUCCESS), headers, body

    def _render(self, template: Template, body: str) -> str:
        return render(template, TemplateInput(body, self.parameters), self.context, self.stage_variables)

    def _mapped_parameters(self) -> dict[str, dict[str, str]]:
        mapped: dict[str, dict[str, str]] = {"header": {}, "path": {}, "querystring": {}}
        for destination, source in (self.integration.get("requestParameters") or {}).items():
            _integration, _request, location, name = destination.split(".", 3)
            value = self._request_value(source)
            if value is not None:
                mapped[location][name] = value
        return mapped

    def _request_value(self, source: str) -> str | None:
        if source.startswith("method.request.body"):
            return self._part(self.body, source.removeprefix("method.request.body"))
        if source.startswith("method.request."):
            location, name = source.removeprefix("method.request.").split(".", 1)
            return self.parameters.find(location, name)
        return self._common_value(source)

    def _response_headers(self, chosen: dict[str, Any], answer: ServiceAnswer) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        for destination, source in (chosen.get("responseParameters") or {}).items():
            value = self._response_value(source, answer)
            if value is not None:
                name = destination.removeprefix("method.response.header.")
                headers = {key: kept for key, kept in headers.items() if key.lower() != name.lower()}
                headers[name] = value
        return headers

    def _response_value(self, source: str, answer: ServiceAnswer) -> str | None:
        if source.startswith("integration.response.header."):
            return answer.headers.get(source.removeprefix("integration.response.header.").lower())
        if source.startswith("integration.response.body"):
            return self._part(answer.text, source.removeprefix("integration.response.body"))
        return self._common_value(source)

    def _common_value(self, source: str) -> str | None:
        if source[:1] == source[-1:] == "'":
            return source[1:-1]
        if source.startswith("stageVariables."):
            return self.stage_variables.get(source.removeprefix("stageVariables."))
        value = variable(self.context, source.removeprefix("context."))
        return None if value is None else str(value)

    def _part(self, body: str, path: str) -> str | None:
        value = json_paths.read(TemplateInput(body, self.parameters).path("$"), f"${path}")
        if value is json_paths.MISSING:
            return None
        return value if isinstance(value, str) else TemplateInput(body, self.parameters).json(f"${path}")


def _of_type(templates: dict[str, Template] | None, wanted: str | None, *, first: bool = False) -> Template | None:
    """Return the template of a content type, by default that of JSON; with `first`, any rather than none."""
    by_type = {name.split(";")[0].strip().lower(): text for name, text in (templates or {}).items()}
    kind = (wanted or "application/json").split(",")[0].split(";")[0].strip().lower()
    if kind in by_type or not first:
        return by_type.get(kind)
    return by_type.get("application/json", next(iter(by_type.values()), None))


def _select(integration: Integration, selector: str) -> dict[str, Any] | None:
    """Return the first response whose whole pattern fits, else the one without a pattern."""
    found: list[dict[str, Any]] = list((integration.get("integrationResponses") or {}).values())
    for response in found:
        pattern = response.get("selectionPattern")
        if pattern and selector and re.fullmatch(pattern, selector, re.DOTALL):
            return response
    return next((response for response in found if not response.get("selectionPattern")), None)
