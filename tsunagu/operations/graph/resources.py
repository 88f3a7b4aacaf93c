"""Makes nodes of the resources of a template that messages pass."""

import re
from collections.abc import Iterator, Mapping

from tsunagu.operations.graph.model import Node
from tsunagu.operations.graph.names import PATH_METADATA, Path
from tsunagu.templates.intrinsics import UNKNOWN, text_of
from tsunagu.templates.template import Resource, Template

# Services and types in AWS's words. Of a service with several, the last one is what others name by its ARN.
_KINDS: Mapping[str, tuple[str, str]] = {
    "AWS::ApiGateway::RestApi": ("apigateway", "REST API"),
    "AWS::ApiGatewayV2::Api": ("apigateway", "HTTP API"),
    "AWS::DynamoDB::GlobalTable": ("dynamodb", "DynamoDB table"),
    "AWS::DynamoDB::Table": ("dynamodb", "DynamoDB table"),
    "AWS::Events::Rule": ("events", "event rule"),
    "AWS::Events::EventBus": ("events", "event bus"),
    "AWS::Kinesis::Stream": ("kinesis", "Kinesis stream"),
    "AWS::Lambda::Url": ("lambda", "function URL"),
    "AWS::Lambda::Function": ("lambda", "Lambda function"),
    "AWS::Pipes::Pipe": ("pipes", "EventBridge pipe"),
    "AWS::S3::Bucket": ("s3", "S3 bucket"),
    "AWS::SNS::Topic": ("sns", "SNS topic"),
    "AWS::SQS::Queue": ("sqs", "SQS queue"),
    "AWS::Scheduler::Schedule": ("scheduler", "schedule"),
    "AWS::StepFunctions::StateMachine": ("states", "state machine"),
}
_KIND_OF_SERVICE: Mapping[str, str] = dict(_KINDS.values())
_FIFO = {"AWS::SNS::Topic": "SNS FIFO topic", "AWS::SQS::Queue": "SQS FIFO queue"}
_CUSTOM = re.compile(r"Custom::.*|AWS::CloudFormation::CustomResource")
_PROVIDER = re.compile(r"AWS[0-9a-f]{32}|LogRetention[0-9a-f]{30}|Custom[A-Z]")
_ARN_PARTS = 6
_ACTIONS = ("AlarmActions", "InsufficientDataActions", "OKActions")


def drawn_resources(template: Template) -> list[Resource]:
    """Return the resources that are drawn. Functions that only serve a deployment are left out."""
    providers = {
        provider.key
        for each in template.resources.values()
        if _CUSTOM.fullmatch(each.type)
        for provider in template.mentioned(each.properties.get("ServiceToken"))
    }
    return [each for each in template.of_type(*_KINDS) if each.key not in providers and not _is_of_the_cdk(each)]


def node_of(resource: Resource, key: str, path: Path, alarms: int) -> Node:
    """Return the node of a resource.

    Args:
        resource: The resource.
        key: Its name within the graph.
        path: Path of its construct, short.
        alarms: Number of alarms that notify it.
    """
    service, kind = _KINDS[resource.type]
    if resource.properties.get("FifoQueue") is True or resource.properties.get("FifoTopic") is True:
        kind = _FIFO[resource.type]
    if resource.properties.get("ProtocolType") == "WEBSOCKET":
        kind = "WebSocket API"
    return Node(key=key, service=service, kind=kind, path=path, details=tuple(_details(resource, alarms)))


def outside_node(value: object) -> Node:
    """Return the node of what no template makes: a resource by its ARN, parameter or import, or an address."""
    text = _outside_text(value)
    parts = text.split(":")
    is_arn = parts[0] == "arn" and len(parts) >= _ARN_PARTS
    service = parts[2] if is_arn else ""
    name = re.split(r"[:/]", text)[-1] if is_arn else text
    kind = _KIND_OF_SERVICE.get(service, service or "not of this stack")
    return Node(key=f"outside:{text}", service=service, kind=kind, path=(name or "unknown",), is_outside=True)


def alarms_by_topic(template: Template) -> dict[str, int]:
    """Return how many alarms notify each topic, by the key of the topic's resource."""
    found: dict[str, int] = {}
    for alarm in template.of_type("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for key in {topic.key for action in _ACTIONS for topic in template.mentioned(alarm.properties.get(action))}:
            found[key] = found.get(key, 0) + 1
    return found


def _details(resource: Resource, alarms: int) -> Iterator[str]:
    expression = resource.properties.get("ScheduleExpression")
    if isinstance(expression, str):
        yield expression
    if "DISABLED" in (resource.properties.get("State"), resource.properties.get("DesiredState")):
        yield "disabled"
    if alarms:
        yield f"notified by {alarms} alarm{'s' if alarms > 1 else ''}"


def _is_of_the_cdk(resource: Resource) -> bool:
    """Whether a function is of the framework of custom resources, and works in deployments only."""
    path = str(resource.metadata.get(PATH_METADATA, ""))
    return "/Custom::" in path or bool(
        re.match(r"AWS[0-9a-f]{32}|LogRetention[0-9a-f]{30}|Custom[A-Z]", resource.logical_id)
    )


def _outside_text(value: object) -> str:
    match value:
        case {"Ref": str(name)}:
            return name.rpartition("#")[2]
        case {"Fn::GetAtt": [str(name), _]}:
            return name.rpartition("#")[2]
        case {"Fn::ImportValue": name}:
            return _outside_text(name)
        case _:
            return text_of(value).replace(UNKNOWN, "*")
