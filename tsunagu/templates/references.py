"""Resolves references between templates: exports, outputs of other stacks, and parameters of nested stacks.

Every reference of the result names a resource by its key, so that rules need not know which template it is in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tsunagu.templates.intrinsics import is_intrinsic, pieces_of, text_of, without_no_value

_DEEPEST = 20  # references that lead to each other end here
_OUTPUTS = "Outputs."
_NESTED_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One template as it was synthesized.

    Attributes:
        path: Its file.
        body: Its content.
        stack_name: Name of its stack; None for a nested stack, and when it is not known.
        nested: Paths of the templates of its nested stacks, by logical id.
        construct_paths: Paths of the constructs behind the resources, by logical id, where the assembly says them
            beside the template.
    """

    path: str
    body: Mapping[str, Any]
    stack_name: str | None = None
    nested: Mapping[str, str] = field(default_factory=dict)
    construct_paths: Mapping[str, str] = field(default_factory=dict)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section such as `Resources`; empty when it is absent, or no object."""
        found = self.body.get(name)
        return found if isinstance(found, dict) else {}


class Linked(NamedTuple):
    """A resource whose references are resolved.

    Attributes:
        path: File of its template.
        logical_id: Logical id in this template.
        body: Type, properties and the rest.
    """

    path: str
    logical_id: str
    body: Mapping[str, Any]


def linked_resources(documents: Sequence[Document]) -> Iterator[Linked]:
    """Iterate over the resources of all templates. What is no resource, such as a loop of a macro, is left out."""
    links = _Links(documents)
    for document in documents:
        for logical_id, body in document.section("Resources").items():
            if isinstance(body, dict) and isinstance(body.get("Type"), str):
                yield Linked(document.path, logical_id, links.resolved(document, without_no_value(body)))


class _Links:
    """What templates give each other."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._by_path = {document.path: document for document in documents}
        self._by_stack_name: dict[str, list[Document]] = {}
        self._exports: dict[str, list[tuple[Document, Any]]] = {}
        self._parents = {
            path: (document, logical_id) for document in documents for logical_id, path in document.nested.items()
        }
        for document in documents:
            if document.stack_name is not None:
                self._by_stack_name.setdefault(document.stack_name, []).append(document)
            for output in document.section("Outputs").values():
                export = output.get("Export") if isinstance(output, dict) else None
                if isinstance(export, dict):
                    name = self._text(document, export.get("Name"))
                    self._exports.setdefault(name, []).append((document, output.get("Value")))

    def resolved(self, document: Document, value: Any, depth: int = 0) -> Any:
        """Return a value of a template, with keys in place of logical ids."""
        if depth > _DEEPEST:
            return value
        if isinstance(value, list):
            return [self.resolved(document, entry, depth) for entry in value]
        if not isinstance(value, dict):
            return value
        if is_intrinsic(value):
            return self._reference(document, value, depth)
        return {name: self.resolved(document, entry, depth) for name, entry in value.items()}

    def _reference(self, document: Document, value: dict[str, Any], depth: int) -> Any:
        match value:
            case {"Ref": str(name)}:
                return self._ref(document, name, depth)
            case {"Fn::GetAtt": str(path)}:
                return self._attribute(document, *path.partition(".")[::2], depth)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(document, name, attribute, depth)
            case {"Fn::ImportValue": _} | {"Fn::GetStackOutput": _}:
                return self._only(document, self._given(document, value), value, depth)
            case _:
                return self._composed(document, value, depth)

    def _composed(self, document: Document, value: dict[str, Any], depth: int) -> Any:
        """Return a function of other values, with these resolved."""
        match value:
            case {"Fn::Sub": str(pattern)}:
                return self._substituted(document, pattern, {}, depth)
            case {"Fn::Sub": [str(pattern), dict(variables)]}:
                return self._substituted(document, pattern, variables, depth)
            case _:
                return {name: self.resolved(document, entry, depth + 1) for name, entry in value.items()}

    def _ref(self, document: Document, name: str, depth: int) -> Any:
        if name in document.section("Resources"):
            return {"Ref": _key(document, name)}
        if document.path in self._parents:
            parent, nested_stack = self._parents[document.path]
            given = _properties(parent, nested_stack).get("Parameters")
            if isinstance(given, dict) and name in given:
                return self.resolved(parent, given[name], depth + 1)
        return {"Ref": name}

    def _attribute(self, document: Document, name: str, attribute: str, depth: int) -> Any:
        nested = self._by_path.get(document.nested.get(name, ""))
        if nested is not None and attribute.startswith(_OUTPUTS):
            return self.resolved(nested, _output(nested, attribute.removeprefix(_OUTPUTS)), depth + 1)
        return {"Fn::GetAtt": [_key(document, name), attribute]}

    def _substituted(self, document: Document, pattern: str, variables: Mapping[str, Any], depth: int) -> Any:
        """Return `Fn::Sub` as a join, or as the only value that it substitutes."""
        parts: list[Any] = []
        for piece, is_name in pieces_of(pattern):
            if not is_name:
                parts += [piece] if piece else []
            elif piece in variables:
                parts.append(self.resolved(document, variables[piece], depth + 1))
            else:
                reference = {"Fn::GetAtt": piece} if "." in piece else {"Ref": piece}
                parts.append(self._reference(document, reference, depth + 1))
        return parts[0] if len(parts) == 1 else {"Fn::Join": ["", parts]}

    def _given(self, document: Document, value: dict[str, Any]) -> list[tuple[Document, Any]]:
        """Return what other templates give by an export or output, each with its template."""
        match value:
            case {"Fn::ImportValue": name}:
                return self._exports.get(self._text(document, name), [])
            case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": str(output)}}:
                others = self._by_stack_name.get(self._text(document, stack), [])
                return [(other, _output(other, output)) for other in others]
            case _:
                return []

    def _only(self, document: Document, found: list[tuple[Document, Any]], value: Any, depth: int) -> Any:
        """Return the value that another template gives, resolved there; `value` when it is none, or of several."""
        beside = [each for each in found if _folder(each[0]) == _folder(document)] or found
        return self.resolved(*beside[0], depth + 1) if len(beside) == 1 else value

    def _text(self, document: Document, value: object) -> str:
        """Return the name of an export or stack, where the own stack's name may be a part of it."""
        name = document.stack_name or document.path
        match value:
            case {"Ref": "AWS::StackName"}:
                return name
            case {"Fn::Sub": str(pattern)}:
                return pattern.replace("${AWS::StackName}", name)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self._text(document, part) for part in parts)
            case _:
                return text_of(value)


def nested_stacks(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Iterate over the nested stacks of a template: logical id and resource."""
    resources = body.get("Resources")
    for logical_id, resource in (resources if isinstance(resources, dict) else {}).items():
        if isinstance(resource, dict) and resource.get("Type") == _NESTED_STACK:
            yield logical_id, resource


def _key(document: Document, logical_id: str) -> str:
    return f"{document.path}#{logical_id}"


def _folder(document: Document) -> str:
    return document.path.rpartition("/")[0]


def _properties(document: Document, logical_id: str) -> Mapping[str, Any]:
    properties = document.section("Resources")[logical_id].get("Properties")
    return properties if isinstance(properties, dict) else {}


def _output(document: Document, name: str) -> Any:
    output = document.section("Outputs").get(name)
    return output.get("Value") if isinstance(output, dict) else None
