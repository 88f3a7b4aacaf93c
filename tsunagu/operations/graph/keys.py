"""Which key encrypts a resource."""

from collections.abc import Iterator

from tsunagu.operations.graph.names import logical_name
from tsunagu.templates.template import Resource, Template

_KEY_TYPES = ("AWS::KMS::Key", "AWS::KMS::Alias")


def key_details(template: Template, resource: Resource) -> Iterator[str]:
    """Yield a line for each key that encrypts a resource."""
    for value in _key_values(dict(resource.properties)):
        found = template.target(value)
        if found is not None and found.type in _KEY_TYPES:
            yield f"key {logical_name(found.logical_id)}"
        elif isinstance(value, str):
            yield f"key {value.removeprefix('alias/')}"
        else:
            yield "key of another stack"


def _key_values(value: object) -> Iterator[object]:
    """Iterate over the values of properties whose names say that they are keys of KMS."""
    if isinstance(value, dict):
        for name, entry in value.items():
            if "kms" in name.lower() and name.lower().endswith(("keyid", "keyarn", "masterkeyid")):
                yield entry
            elif name not in ("Environment", "Policies", "DefinitionString", "Definition"):
                yield from _key_values(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _key_values(entry)
