"""What an upgrade must keep of a cloud assembly: stateful resources, and the environment of functions."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Stateful resources, and what holds an address or a history that others rely on. Each with the properties whose change
# makes CloudFormation replace it ("Update requires: Replacement" on the page of the type):
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
REPLACING: Mapping[str, tuple[str, ...]] = {
    "AWS::ApiGateway::RestApi": (),
    "AWS::ApiGatewayV2::Api": ("ProtocolType",),
    "AWS::DynamoDB::GlobalTable": ("KeySchema", "LocalSecondaryIndexes", "TableName"),
    "AWS::DynamoDB::Table": ("ImportSourceSpecification", "KeySchema", "LocalSecondaryIndexes", "TableName"),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "MultiRegion"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::SNS::Topic": ("FifoTopic", "TopicName"),
    "AWS::SQS::Queue": ("FifoQueue", "QueueName"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "StateMachineType"),
}
FUNCTION = "AWS::Lambda::Function"

# By logical id.
Resources = dict[str, dict[str, Any]]


def inventory(assembly: Path) -> dict[str, Resources]:
    """Return what must be kept of each stack of a cloud assembly, by the name of its template.

    Args:
        assembly: Folder of the assembly.
    """
    return {
        path.name.removesuffix(".template.json"): dict(_resources(path))
        for path in sorted(assembly.glob("*.template.json"))
    }


def _resources(template: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    paths = _paths(template)
    for logical_id, resource in json.loads(template.read_text())["Resources"].items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        known: dict[str, Any] = {"type": kind, "path": paths.get(logical_id, logical_id)}
        if kind in REPLACING:
            kept = {name: properties[name] for name in REPLACING[kind] if name in properties}
            yield logical_id, {**known, "deletion": resource.get("DeletionPolicy", "Delete"), "properties": kept}
        elif kind == FUNCTION:
            yield logical_id, {**known, "environment": properties.get("Environment", {}).get("Variables", {})}


def _paths(template: Path) -> dict[str, str]:
    """Return the construct path of each logical id, without the `Resource` at its end."""
    metadata = template.with_name(template.name.replace(".template.json", ".metadata.json"))
    if not metadata.is_file():
        return {}
    return {
        entry["data"]: path.strip("/").removesuffix("/Resource")
        for path, entries in json.loads(metadata.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    }
