"""The mapping templates of a request gateway, filled with its settings."""

import json
from typing import TYPE_CHECKING

from tsunagu.cdk.constructs.mapping_template import mapping_template
from tsunagu.contracts import items, requests
from tsunagu.contracts.json_schema import outermost

if TYPE_CHECKING:
    from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings

KEY_SPECIFICATION = "https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/"
NOT_FOUND = "there is no such request"
NOT_FOUND_YET = "there is no such request, or it has not been started yet"

_HEADER_NAMES = ("headers", "headers_update", "headers_name", "headers_value", "before", "after")
_NOTHING = r"[^\s\S]"  # a pattern that no text fits
# A text of a query parameter that fits is JSON as it is.
_AS_IT_IS = {
    "integer": "-?(0|[1-9][0-9]{0,17})",
    "number": "-?(0|[1-9][0-9]{0,17})([.][0-9]{1,18})?([eE][+-]?[0-9]{1,3})?",
    "boolean": "true|false",
    "null": "null",
}


class GatewayTemplates:
    """Fills the templates.

    Args:
        settings: Settings of the gateway.
        table_name: Table of the records.
        is_event: Whether the gateway invokes the function.
        first_look_ms: How long after a request was accepted the sweeper looks at it first, in milliseconds.
    """

    def __init__(
        self, settings: "RequestGatewaySettings", *, table_name: str, is_event: bool, first_look_ms: int
    ) -> None:
        self._settings = settings
        self._is_event = is_event
        self._values = {
            **self._texts(table_name, first_look_ms),
            **self._sizes(),
            **self._headers(),
            **self._body(),
        }

    def text(self, name: str) -> str:
        """Return a template; `name` is that of its file, without the suffix."""
        return mapping_template(name, self._values)

    def _texts(self, table_name: str, first_look_ms: int) -> dict[str, str]:
        settings = self._settings
        return {
            "caller": settings.caller_template,
            "variable": settings.caller_variable,
            "public_caller": requests.PUBLIC_CALLER,
            "table_name": table_name,
            "scope": settings.name,
            "resource": settings.name,
            "kind": requests.REQUEST_KIND,
            "never": str(items.NEVER),
            "first_look_ms": str(first_look_ms),
            "is_key_required": json.dumps(settings.idempotency_key_required),
            "is_cancellable": json.dumps(settings.cancellable),
            "retry_after_seconds": str(int(settings.retry_after.to_seconds())),
            "key_specification": KEY_SPECIFICATION,
            "not_found": NOT_FOUND_YET if self._is_event else NOT_FOUND,
            "event_mark": requests.EVENT_MARK,
            "event_version": str(requests.EVENT_VERSION),
        }

    def _sizes(self) -> dict[str, str]:
        largest = self._settings.body_bytes(is_event=self._is_event)
        return {
            "least_length": str(requests.PUBLIC_REQUEST_ID_LENGTH if self._settings.public else 1),
            "largest_body_bytes": str(largest),
            "largest_base64": str(-(-largest // 3) * 4),  # four characters for each three bytes
        }

    def _headers(self) -> dict[str, str]:
        kept = [name.lower() for name in self._settings.kept_headers]
        if not kept:
            return {"kept_headers": _NOTHING, **dict.fromkeys(_HEADER_NAMES, "")}
        if self._is_event:
            parts = {"headers": '"headers": {@{>kept_headers}},'}
        else:
            parts = {
                "headers_update": "${h}headers = if_not_exists(${h}headers, :headers), ",
                "headers_name": '"${h}headers": "headers", ',
                "headers_value": '":headers": {"M": {@{>kept_headers}}},',
                "before": '{"S": ',
                "after": "}",
            }
        return {"kept_headers": "|".join(kept), **dict.fromkeys(_HEADER_NAMES, ""), **parts}

    def _body(self) -> dict[str, str]:
        if not self._settings.query_parameters:
            return {"body": "@{>check_body}"}
        fields = outermost(self._settings.schema).get("properties", {})
        parameters = (
            mapping_template("query_parameter", {"name": name, "as_it_is": _as_it_is(fields.get(name, {}))})
            for name in self._settings.query_parameters
        )
        return {"body": "@{>query_body}", "parameters": "".join(parameters)}


def _as_it_is(field: dict[str, object]) -> str:
    """Return the pattern of texts that are JSON as they are, because the field is no text."""
    kinds = field.get("type", [])
    named = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    if "string" in named:
        return _NOTHING
    return "|".join(_AS_IT_IS[kind] for kind in named if kind in _AS_IT_IS) or _NOTHING
