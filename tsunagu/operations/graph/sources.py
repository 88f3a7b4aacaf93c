"""Reads the templates that a graph is drawn from: files of `cdk synth`, or a deployed stack."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tsunagu.errors import InvalidInputError, NotFoundError
from tsunagu.operations.inventory import NESTED_STACK, StackInventory
from tsunagu.operations.templates import deployed_template, parse_template
from tsunagu.templates.assembly import read_documents, stack_templates
from tsunagu.templates.references import Document

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_YAML = (".yaml", ".yml")


def synthesized_documents(path: Path, stack: str | None = None) -> list[Document]:
    """Return the templates of a file, or of a cloud assembly, with those of their nested stacks.

    Args:
        path: A template as JSON or YAML, or a folder that `cdk synth` wrote, such as `cdk.out`.
        stack: Name of one stack of the assembly, or of its template without `.template.json`. Default: all stacks.

    Raises:
        InvalidInputError: There is no such file or folder, or it holds no template.
        NotFoundError: The assembly has no such stack; the message lists those that it has.
    """
    try:
        documents = _read(path)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        why = (error.strerror or "an error").lower() if isinstance(error, OSError) else f"another text: {error}"
        msg = f"{path} must be a template, or a folder that `cdk synth` wrote, got {why}"
        raise InvalidInputError(msg) from None
    if not any(document.section("Resources") for document in documents):
        msg = f"{path} must have a template with resources, got none"
        raise InvalidInputError(msg)
    return documents if stack is None or not path.is_dir() else _of_stack(documents, stack)


def _read(path: Path) -> list[Document]:
    if path.suffix in _YAML:
        body = parse_template(path.read_text(encoding="utf-8"))
        return [Document(path=str(path), body=body if isinstance(body, dict) else {}, stack_name=path.stem)]
    return read_documents(map(str, stack_templates(path) if path.is_dir() else [path]))


def _of_stack(documents: Sequence[Document], name: str) -> list[Document]:
    """Return the templates of one stack: its own, and those of its nested stacks."""
    names = {document.path: (document.stack_name, Path(document.path).name.partition(".")[0]) for document in documents}
    found = [document for document in documents if document.stack_name is not None and name in names[document.path]]
    if len(found) != 1:
        known = ", ".join(sorted(document.stack_name for document in documents if document.stack_name))
        msg = f"the assembly must have one stack {name}, got {known}"
        raise NotFoundError(msg)
    by_path = {document.path: document for document in documents}
    return [*_with_nested(found[0], by_path)]


def _with_nested(document: Document, by_path: Mapping[str, Document]) -> Iterator[Document]:
    yield document
    for path in document.nested.values():
        yield from _with_nested(by_path[path], by_path)


def deployed_documents(client: "CloudFormationClient", inventory: StackInventory) -> list[Document]:
    """Return the templates of a deployed stack and of its nested stacks. The paths of nested ones are their ARNs.

    Args:
        client: CloudFormation client.
        inventory: What the stack consists of.

    Raises:
        OperationError: A template cannot be read.
    """
    stacks = {each.logical_id: each.physical_id for each in inventory.of_type(NESTED_STACK) if each.physical_id}
    return [
        _document(client, inventory.name, stack, scope, stacks)
        for scope, stack in {"": inventory.name, **stacks}.items()
    ]


def _document(client: "CloudFormationClient", root: str, stack: str, scope: str, stacks: Mapping[str, str]) -> Document:
    nested = {
        logical_id.rpartition("/")[2]: physical_id
        for logical_id, physical_id in stacks.items()
        if logical_id.rpartition("/")[0] == scope
    }
    # A template as JSON comes as an ordered dictionary; the reader of references compares with plain ones.
    body = json.loads(json.dumps(deployed_template(client, stack), default=str))
    return Document(path=stack, body=body, stack_name=root if stack == root else None, nested=nested)
