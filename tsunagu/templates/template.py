"""Synthesized templates, in the form that the rules read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tsunagu.templates.intrinsics import UNKNOWN, entries, is_intrinsic, text_of
from tsunagu.templates.references import Document, linked_resources

# Types whose resources an ARN names by the last part of it, with the property of the name.
_NAMED = {
    "dynamodb": ("AWS::DynamoDB::Table", "TableName"),
    "lambda": ("AWS::Lambda::Function", "FunctionName"),
    "sns": ("AWS::SNS::Topic", "TopicName"),
    "sqs": ("AWS::SQS::Queue", "QueueName"),
}
# Types that stand for another resource, with the property that refers to it.
_STAND_INS = {"AWS::Lambda::Alias": "FunctionName", "AWS::Lambda::Version": "FunctionName"}
_ARN_PARTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of a template.

    Attributes:
        logical_id: Logical id in its template.
        type: CloudFormation type, such as `AWS::SQS::Queue`.
        properties: Properties; a value may be an intrinsic function.
        deletion_policy: Deletion policy; CloudFormation's default is `Delete`.
        template_path: File of its template; empty when the template is in memory.
        metadata: Metadata, such as the path of the construct.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    deletion_policy: object
    template_path: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name of the resource that no other one has, in any template."""
        return f"{self.template_path}#{self.logical_id}"

    def number(self, name: str, default: int) -> int | None:
        """Return a numeric property, `default` when it is absent, or None when it is an intrinsic function."""
        value = self.properties.get(name, default)
        return value if isinstance(value, int) else None

    def items(self, name: str) -> Sequence[Any]:
        """Return the entries of a list property, those of both branches of `Fn::If` included."""
        return [*entries(self.properties.get(name))]

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object property; empty when it is absent, an intrinsic function, or no object."""
        return mapping(self.properties.get(name))

    def is_unknown(self, name: str) -> bool:
        """Return whether only the deployment knows a property."""
        return is_intrinsic(self.properties.get(name))


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object of a template; empty when it is an intrinsic function, or no object."""
    return value if isinstance(value, dict) and not is_intrinsic(value) else {}


@dataclass(frozen=True, slots=True)
class Template:
    """The resources of one stack, or of all stacks of an app, whose references to each other are resolved.

    Attributes:
        resources: Its resources by key.
    """

    resources: Mapping[str, Resource]

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return the template of a document that is in memory."""
        return cls.link([Document(path="", body=document)])

    @classmethod
    def link(cls, documents: Sequence[Document]) -> Self:
        """Return the resources of several templates, whose references lead from one to the other."""
        resources = (
            Resource(
                logical_id=found.logical_id,
                type=found.body["Type"],
                properties=mapping(found.body.get("Properties")),
                deletion_policy=found.body.get("DeletionPolicy", "Delete"),
                template_path=found.path,
                metadata=mapping(found.body.get("Metadata")),
            )
            for found in linked_resources(documents)
        )
        return cls({resource.key: resource for resource in resources})

    def of_type(self, *types: str) -> Iterator[Resource]:
        """Iterate over the resources of these types, in the order of the templates."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def target(self, value: object) -> Resource | None:
        """Return the one resource that a value refers to, by reference or by its name; None when it is not known."""
        found = {resource.key: resource for resource in self._targets(value)}
        return next(iter(found.values())) if len(found) == 1 else None

    def mentioned(self, value: object) -> Iterator[Resource]:
        """Iterate over the resources that a value refers to anywhere in it, at any depth; one may come twice."""
        found = [*self._targets(value)]
        yield from found
        if found:
            return
        if isinstance(value, dict):
            for entry in value.values():
                yield from self.mentioned(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from self.mentioned(entry)

    def named(self, resource_type: str, name_property: str, name: object) -> Resource | None:
        """Return the one resource of a type that has this fixed name."""
        if not isinstance(name, str) or UNKNOWN in name:
            return None
        found = [each for each in self.of_type(resource_type) if each.properties.get(name_property) == name]
        return found[0] if len(found) == 1 else None

    def _targets(self, value: object) -> Iterator[Resource]:
        match value:
            case {"Ref": str(key)} | {"Fn::GetAtt": [str(key), _]}:
                if key in self.resources:
                    yield from self._behind(self.resources[key])
            case {"Fn::Select": [_, {"Fn::Split": [_, whole]}]}:  # the name within an ARN
                yield from self._targets(whole)
            case {"Fn::If": [_, first, second]}:
                yield from (*self._targets(first), *self._targets(second))
            case {"Fn::Join": [_, list(parts)]}:
                referenced = [
                    resource for part in parts for resource in self._targets(part) if not isinstance(part, str)
                ]
                yield from referenced or self._by_arn(value)
            case str():
                yield from self._by_arn(value)

    def _behind(self, resource: Resource) -> Iterator[Resource]:
        refers = _STAND_INS.get(resource.type)
        if refers is None:
            yield resource
        elif (target := resource.properties.get(refers)) != {"Ref": resource.key}:
            yield from self._targets(target)

    def _by_arn(self, value: object) -> Iterator[Resource]:
        parts = text_of(value).split(":")
        if len(parts) >= _ARN_PARTS and parts[0] == "arn" and parts[2] in _NAMED:
            resource_type, name_property = _NAMED[parts[2]]
            named = self.named(resource_type, name_property, parts[-1].rpartition("/")[2])
            if named is not None:
                yield named
