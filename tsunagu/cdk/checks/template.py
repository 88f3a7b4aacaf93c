"""A synthesized template, in the form that the rules read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of a template.

    Attributes:
        logical_id: Logical id in the template.
        type: CloudFormation type, such as `AWS::SQS::Queue`.
        properties: Properties; a value may be an intrinsic function.
        deletion_policy: Deletion policy; CloudFormation's default is `Delete`.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    deletion_policy: str

    def number(self, name: str, default: int) -> int | None:
        """Return a numeric property, `default` when it is absent, or None when it is an intrinsic function."""
        value = self.properties.get(name, default)
        return value if isinstance(value, int) else None

    def items(self, name: str) -> Sequence[Any]:
        """Return a list property; empty when it is absent or an intrinsic function."""
        value = self.properties.get(name)
        return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Template:
    """The resources of one stack.

    Attributes:
        resources: Its resources by logical id.
    """

    resources: Mapping[str, Resource]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a template file."""
        return cls.parse(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return the template of a document that is in memory."""
        return cls(
            {
                logical_id: Resource(
                    logical_id=logical_id,
                    type=resource["Type"],
                    properties=resource.get("Properties", {}),
                    deletion_policy=resource.get("DeletionPolicy", "Delete"),
                )
                for logical_id, resource in document.get("Resources", {}).items()
            }
        )

    def of_type(self, *types: str) -> Iterator[Resource]:
        """Iterate over the resources of these types, in the order of the template."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def target(self, value: object) -> Resource | None:
        """Return the resource of a `Ref` or `Fn::GetAtt`; None when it is not in this template."""
        match value:
            case {"Ref": str(logical_id)} | {"Fn::GetAtt": [str(logical_id), _]}:
                return self.resources.get(logical_id)
            case _:
                return None
