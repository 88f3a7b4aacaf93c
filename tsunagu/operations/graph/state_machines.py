"""Links of state machines: what the tasks of their definition call."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tsunagu.operations.graph.links import Link
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.templates.intrinsics import is_intrinsic
from tsunagu.templates.template import Resource, Template, mapping

_INTEGRATION = re.compile(r"arn:[\w*\N{REPLACEMENT CHARACTER}-]+:states:[^:]*:[^:]*:(.+)")
_SUBSTITUTION = re.compile(r"\$\{(\w+)\}")
_MARK = "\N{SYMBOL FOR NULL}"  # around the number of a reference within the text of a definition
_STORES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket")


def of_machine(template: Template, machine: Resource) -> Iterator[Link]:
    """Yield the links from a state machine to what its tasks call."""
    definition, references = _definition(machine)
    for state in _tasks(definition):
        called = _INTEGRATION.fullmatch(str(state.get("Resource", "")))
        label = called[1].removesuffix(".waitForTaskToken").removesuffix(".sync").removesuffix(":2") if called else ""
        values = [references[int(number)] for number in _marked(state)]
        for target in {each.key: each for value in values for each in template.mentioned(value)}.values():
            kind = EdgeKind.USE if target.type in _STORES else EdgeKind.FLOW
            yield Link(machine, target, kind, label.removeprefix("aws-sdk:"))


def _definition(machine: Resource) -> tuple[Any, list[Any]]:
    """Return the definition of a machine with marks in place of references, and the references by number."""
    references: list[Any] = []
    text = _text(machine.properties.get("DefinitionString", machine.properties.get("Definition")), references)
    substitutions = machine.mapping("DefinitionSubstitutions")
    text = _SUBSTITUTION.sub(
        lambda found: _text(substitutions[found[1]], references) if found[1] in substitutions else found[0], text
    )
    try:
        return json.loads(text), references
    except ValueError:
        return None, references


def _text(value: object, references: list[Any]) -> str:
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_text(part, references) for part in parts)
        case _ if is_intrinsic(value):
            references.append(value)
            return f"{_MARK}{len(references) - 1}{_MARK}"
        case _:
            return json.dumps(_marked_values(value, references))


def _marked_values(value: object, references: list[Any]) -> object:
    if is_intrinsic(value):
        return _text(value, references)
    if isinstance(value, dict):
        return {name: _marked_values(entry, references) for name, entry in value.items()}
    return [_marked_values(entry, references) for entry in value] if isinstance(value, list) else value


def _tasks(definition: object) -> Iterator[dict[str, Any]]:
    """Iterate over the tasks of a definition, those of its branches and maps included."""
    for state in mapping(mapping(definition).get("States")).values():
        found = dict(mapping(state))
        if found.get("Type") == "Task":
            yield found
        inner = [*found.get("Branches", []), found.get("ItemProcessor"), found.get("Iterator")]
        for each in inner:
            yield from _tasks(each)


def _marked(state: dict[str, Any]) -> list[str]:
    return re.findall(f"{_MARK}(\\d+){_MARK}", json.dumps(state, ensure_ascii=False))
