"""Renders mapping templates of REST APIs: Velocity with `$input`, `$util`, `$context` and `$stageVariables`.

Unlike Velocity, airspeed does not read `#$x` as text and a reference, prints an object as Python does, evaluates both
sides of `&&` and `||`, and takes null for true in `#if`. Templates that compare with `""` and put another character
before `$` are read alike by both.
"""

import base64
import functools
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import json_paths

Context = dict[str, Any]


class MalformedBodyError(ValueError):
    """A template reads a part of a body that is not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Parameters of one request, by name.

    Attributes:
        path: Path parameters.
        querystring: Parameters of the query, the first value of each.
        header: Headers, the last value of each.
    """

    path: Mapping[str, str]
    querystring: Mapping[str, str]
    header: Mapping[str, str]

    def find(self, location: str, name: str) -> str | None:
        """Return a parameter of one location; None when the request has none. The case of a header does not count."""
        values: Mapping[str, str] = getattr(self, location)
        if location != "header":
            return values.get(name)
        return next((value for key, value in values.items() if key.lower() == name.lower()), None)


class TemplateInput:
    """The variable `$input` of a template.

    Attributes:
        body: Body of the request, or of the answer that a response template maps.
    """

    def __init__(self, body: str, parameters: Parameters) -> None:
        self.body = body
        self._parameters = parameters

    def path(self, path: str) -> Any:
        """Return the value at a JSONPath; an empty text when there is none."""
        value = json_paths.read(self._document, path)
        return "" if value is json_paths.MISSING else value

    def json(self, path: str) -> str:
        """Return the value at a JSONPath as JSON; that of an empty text when there is none."""
        return json.dumps(self.path(path), separators=(",", ":"), ensure_ascii=False)

    def params(self, name: str | None = None) -> Any:
        """Return a parameter of the path, the query or the header, the first that exists; without a name, all."""
        locations = ("path", "querystring", "header")
        if name is None:
            return {location: dict(getattr(self._parameters, location)) for location in locations}
        found = (self._parameters.find(location, name) for location in locations)
        return next((value for value in found if value is not None), "")

    @functools.cached_property
    def _document(self) -> Any:
        try:
            return json.loads(self.body, parse_constant=_refuse) if self.body.strip() else {}
        except (ValueError, RecursionError) as error:
            raise MalformedBodyError(str(error)) from error


class TemplateUtilities:
    """The variable `$util` of a template. Its methods have the names of API Gateway."""

    def escapeJavaScript(self, text: Any) -> str:  # noqa: N802
        r"""Escape as Apache Commons does: quotes and slashes too. JSON has no `\'`, so templates replace it."""
        escaped = json.dumps("" if text is None else str(text))[1:-1]
        return escaped.replace("'", "\\'").replace("/", "\\/")

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """Encode as a form does: a space becomes `+`."""
        return urllib.parse.quote_plus(text or "", safe="*").replace("~", "%7E")

    def urlDecode(self, text: str) -> str:  # noqa: N802
        """Decode what `urlEncode` encoded."""
        return urllib.parse.unquote_plus(text or "")

    def base64Encode(self, text: str) -> str:  # noqa: N802
        """Encode the UTF-8 of a text."""
        return base64.b64encode((text or "").encode()).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        """Decode a text of UTF-8."""
        return base64.b64decode(text or "").decode(errors="replace")

    def parseJson(self, text: str) -> Any:  # noqa: N802
        """Return the value of a JSON text."""
        return json.loads(text)


def render(template: str, source: TemplateInput, context: Context, stage_variables: Mapping[str, str]) -> str:
    """Return the text that a template makes of a request or an answer.

    Args:
        template: Text of the template.
        source: What `$input` reads.
        context: What `$context` reads. A template may set `requestOverride` and `responseOverride`.
        stage_variables: What `$stageVariables` reads.

    Raises:
        MalformedBodyError: The template reads a part of a body that is not JSON.
        Exception: The template is no Velocity, or fails.
    """
    names = {"input": source, "util": TemplateUtilities(), "context": context, "stageVariables": dict(stage_variables)}
    try:
        return str(_compiled(template).merge(names))
    except Exception as error:
        if isinstance(error.__cause__, MalformedBodyError):  # airspeed wraps each error
            raise error.__cause__ from error
        raise


@functools.lru_cache(maxsize=256)
def _compiled(template: str) -> Any:
    compiled = _airspeed().Template(template)
    compiled.ensure_compiled()
    return compiled


@functools.cache
def _airspeed() -> Any:
    """Import airspeed when the first template is rendered, and teach it the methods of Java's texts and maps."""
    from airspeed import operators  # type: ignore[import-not-found]  # noqa: PLC0415 - few clouds need it

    operators.__additional_methods__[str] |= {
        "compareTo": lambda self, other: (self > other) - (self < other),
        "concat": lambda self, other: self + other,
        "endsWith": lambda self, end: self.endswith(end),
        "equals": lambda self, other: self == other,
        "equalsIgnoreCase": lambda self, other: self.lower() == str(other).lower(),
        "isEmpty": lambda self: not self,
        "replaceAll": _replace_all,
        "toLowerCase": lambda self: self.lower(),
        "toString": lambda self: self,
        "toUpperCase": lambda self: self.upper(),
        "trim": lambda self: self.strip(),
    }
    operators.__additional_methods__[dict] |= {
        "containsKey": lambda self, key: key in self,
        "isEmpty": lambda self: not self,
        "size": len,
    }
    return operators


def _replace_all(text: str, pattern: str, replacement: str) -> str:
    r"""Replace as Java does: `$1` is a group, `\x` is the character x."""
    parts = re.findall(r"\\(.)|\$(\d)|([^\\$]+)", replacement, re.DOTALL)

    def fill(match: re.Match[str]) -> str:
        return "".join(escaped or plain or match.group(int(group)) or "" for escaped, group, plain in parts)

    return re.sub(pattern, fill, text)


def _refuse(constant: str) -> Any:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)
