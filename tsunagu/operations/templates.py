"""Reads the template of a deployed stack, in whichever form it was deployed: JSON, or YAML with its short functions."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from tsunagu.errors import OperationError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Template = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads `!Ref` and the other short functions as what they stand for; dates stay text."""


def _text(loader: _Loader, node: yaml.Node) -> object:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


def _short_function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    return {}


_Loader.add_multi_constructor("!", _short_function)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def deployed_template(client: "CloudFormationClient", stack_name: str) -> Template:
    """Return the template of a deployed stack, after its transforms.

    Args:
        client: CloudFormation client.
        stack_name: Name or ARN of the stack.

    Raises:
        OperationError: CloudFormation answers with a text that is no template.
    """
    body: object = client.get_template(StackName=stack_name, TemplateStage="Processed")["TemplateBody"]
    template = parse_template(body) if isinstance(body, str) else body
    if not isinstance(template, Mapping):
        msg = f"the template of the stack {stack_name} must be JSON or YAML, got {type(template).__name__}"
        raise OperationError(msg)
    return template


def template_resources(template: Template) -> Mapping[str, Mapping[str, Any]]:
    """Return the resources of a template by logical id."""
    found = template.get("Resources")
    resources = found if isinstance(found, Mapping) else {}
    return {name: each for name, each in resources.items() if isinstance(each, Mapping)}


def parse_template(text: str) -> object:
    """Return the content of a template, JSON or YAML; the error of YAML for a text that is neither."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        return error
