"""Fills the input template of a pipe: `<$.path>` is a part of the record, `<aws.pipes.pipe-name>` a fact of the pipe.

Inside a JSON text a value is filled in as text; elsewhere as JSON
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from . import json_paths

_VARIABLE = re.compile(r"<((?:\$|aws\.pipes\.)[^<>]*)>")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def fill(template: str | None, record: Any, reserved: Mapping[str, str]) -> str:
    """Return what a pipe sends of one record; without a template, the record.

    Args:
        template: Input template.
        record: Record of the source.
        reserved: Values of the variables that start with `aws.pipes.`.
    """
    if not template:
        return json.dumps(record)
    quoted = [match.span() for match in _JSON_STRING.finditer(template)]

    def value_of(match: re.Match[str]) -> str:
        value = _value(match.group(1), record, reserved)
        is_quoted = any(start < match.start() < end for start, end in quoted)
        return _text(value) if is_quoted else json.dumps(value, ensure_ascii=False)

    return _VARIABLE.sub(value_of, template)


def resolve(source: Any, record: Any) -> Any:
    """Return a parameter of a target: what its path finds in the record, or itself when it is no path.

    Raises:
        ValueError: The record has no such place.
    """
    if not str(source).startswith("$."):
        return source
    value = json_paths.read(record, source)
    if value is json_paths.MISSING:
        msg = f"the record has nothing at {source}"
        raise ValueError(msg)
    return value


def _value(name: str, record: Any, reserved: Mapping[str, str]) -> Any:
    if name.startswith("aws.pipes."):
        return record if name in ("aws.pipes.event", "aws.pipes.event.json") else reserved.get(name, "")
    value = json_paths.read(record, name)
    return "" if value is json_paths.MISSING else value


def _text(value: Any) -> str:
    return json.dumps(value if isinstance(value, str) else json.dumps(value), ensure_ascii=False)[1:-1]
