"""AsyncAPI 3 document of a queue: the types of messages that its consumers take, for those who send them.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from tsunagu.contracts.json_schema import Schema, json_schema
from tsunagu.contracts.web import TYPE_NAME

Document = dict[str, Any]

JSON = "application/json"
VERSION = "3.0.0"

_CHANNEL = "queue"
_SCHEMAS = "#/components/schemas/"
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]")
_TEXTS = ("enum", "default", "const", "required", "type", "examples")  # keywords that hold values, and no schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueApi:
    """A queue, and the messages that are consumed from it.

    Attributes:
        title: Title of the document.
        version: Version of the messages.
        models: The class that each type of message is read into: a dataclass, or a class that reads itself. The schema
            of the latter is that of its `model_json_schema`, as pydantic's models have it; without one, any JSON.
        description: What the messages are about. Default: nothing is said.
        type_name: Name of the message attribute, or of the field of the body, that has the type.
        address: Name of the queue. Default: it is not known before the deployment.
    """

    title: str
    version: str
    models: Mapping[str, type]
    description: str = ""
    type_name: str = TYPE_NAME
    address: str | None = None

    def document(self) -> Document:
        """Return the AsyncAPI document. The same messages always have the same document.

        Raises:
            TypeError: A class is one that no JSON can be read into.
            ValueError: Two types have the same name in the document, where some characters become `_`.
        """
        names = self._names()
        schemas: dict[str, Schema] = {}
        for message_type, name in names.items():
            schemas |= _schemas(name, self.models[message_type])
        return {
            "asyncapi": VERSION,
            "info": {"title": self.title, "version": self.version, **self._described()},
            "defaultContentType": JSON,
            "channels": {_CHANNEL: self._channel(names)},
            "operations": {f"receive.{name}": _receive(name) for name in names.values()},
            "components": {
                "messages": {name: self._message(message_type, name) for message_type, name in names.items()},
                "schemas": schemas,
            },
        }

    def _names(self) -> dict[str, str]:
        """Return the name of each type in the document."""
        names = {message_type: _NO_NAME.sub("_", message_type) for message_type in sorted(self.models)}
        by_name = {name: message_type for message_type, name in names.items()}
        for message_type, name in names.items():
            if by_name[name] != message_type:
                msg = f"types must have names of their own in the document, got {message_type!r} and {by_name[name]!r}"
                raise ValueError(msg)
        return names

    def _described(self) -> Document:
        return {"description": self.description} if self.description else {}

    def _channel(self, names: Mapping[str, str]) -> Document:
        messages = {name: {"$ref": f"#/components/messages/{name}"} for name in names.values()}
        return {"address": self.address, "description": "A queue of SQS.", "messages": messages}

    def _message(self, message_type: str, name: str) -> Document:
        where = f"The type, as a message attribute of SQS; or the field {self.type_name!r} of the body."
        type_schema = {"type": "string", "const": message_type, "description": where}
        return {
            "name": message_type,
            "title": self.models[message_type].__name__,
            **_summary(self.models[message_type]),
            "contentType": JSON,
            "headers": {"type": "object", "properties": {self.type_name: type_schema}},
            "payload": {"$ref": f"{_SCHEMAS}{name}"},
        }


def _receive(name: str) -> Document:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{_CHANNEL}"},
        "messages": [{"$ref": f"#/channels/{_CHANNEL}/messages/{name}"}],
    }


def _summary(model: type) -> Document:
    """Return the first line of a class's docstring. That which a dataclass writes itself says nothing."""
    text = cleandoc(model.__doc__ or "")
    is_written = bool(text) and not text.startswith(f"{model.__name__}(")
    return {"summary": text.partition("\n")[0]} if is_written else {}


def _schemas(name: str, model: type) -> dict[str, Schema]:
    """Return the schema of a class by its name in the document, and those that it refers to."""
    own = getattr(model, "model_json_schema", None)
    schema: Schema = dict(own() if callable(own) else json_schema(model))
    schema.pop("$schema", None)
    parts = {**schema.pop("definitions", {}), **schema.pop("$defs", {})}
    found = {name: schema} | {f"{name}.{_NO_NAME.sub('_', part)}": inner for part, inner in parts.items()}
    return {each: _referring(inner, name) for each, inner in found.items()}


def _referring(schema: Any, name: str) -> Any:
    """Return a schema whose references are to the schemas of the document."""
    if isinstance(schema, list):
        return [_referring(each, name) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    return dict(_items(schema, name))


def _items(schema: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    for keyword, value in schema.items():
        if keyword == "$ref":
            yield keyword, f"{_SCHEMAS}{name}.{_NO_NAME.sub('_', value.rpartition('/')[2])}"
        elif keyword == "properties":
            yield keyword, {field: _referring(inner, name) for field, inner in value.items()}
        else:
            yield keyword, value if keyword in _TEXTS else _referring(value, name)
