"""Checks what an execution calls against the permissions of its machine's role. ministack asks no role.

Optimized integrations and those of the SDK are checked as the IAM action that they perform, on the resource that they
name.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
from dataclasses import dataclass
from typing import Any

from . import executions
from .ministack_modules import dynamodb, iam_actions, responses, stepfunctions
from .service_roles import RoleDeniedError, ServiceRole
from .settings import LauncherSettings

PRINCIPAL = "states.amazonaws.com"
_SDK_PREFIX = "arn:aws:states:::aws-sdk:"
_OPTIMIZED_PREFIX = "arn:aws:states:::"
_FUNCTION_PREFIX = "arn:aws:lambda:"
# What an optimized integration fails with when it is denied: the SDK has no exception of its own for it.
_DENIALS = {
    "dynamodb": "DynamoDB.AmazonDynamoDBException",
    "events": "EventBridge.AmazonEventBridgeException",
    "lambda": "Lambda.AWSLambdaException",
    "sns": "SNS.AmazonSNSException",
    "sqs": "SQS.AmazonSQSException",
    "states": "StepFunctions.AWSStepFunctionsException",
}
_SERVICES_OF_SDK = {"cloudwatchlogs": "logs", "eventbridge": "events", "sfn": "states"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a task calls.

    Attributes:
        service: Prefix of the IAM action.
        operation: Operation in PascalCase.
        denial: Error that the task fails with when the role does not allow the call.
    """

    service: str
    operation: str
    denial: str


def install(settings: LauncherSettings) -> None:
    """Check each call of an execution, when IAM is enforced."""
    if not settings.enforce_iam:
        return
    invoke = stepfunctions._invoke_resource

    def invoke_if_allowed(resource: str, arguments: Any) -> Any:
        if (call := _call_of(resource)) is not None:
            _check(call, _resource_of(call, resource, arguments), _keys_of(call, arguments))
        return invoke(resource, arguments)

    stepfunctions._invoke_resource = invoke_if_allowed


def _call_of(resource: str) -> Call | None:
    if resource.startswith(_FUNCTION_PREFIX):
        return Call(service="lambda", operation="InvokeFunction", denial=_DENIALS["lambda"])
    if resource.startswith(_SDK_PREFIX):
        name, operation = resource.removeprefix(_SDK_PREFIX).split(".")[0].split(":")[:2]
        denial = stepfunctions._prefix_sdk_error(name, "AccessDeniedException")
        return Call(service=_SERVICES_OF_SDK.get(name, name), operation=_pascal(operation), denial=denial)
    if resource.startswith(_OPTIMIZED_PREFIX):
        service, operation = resource.removeprefix(_OPTIMIZED_PREFIX).split(".")[0].split(":")[:2]
        operation = "InvokeFunction" if service == "lambda" else _pascal(operation)
        return Call(service=service, operation=operation, denial=_DENIALS.get(service, "States.Permissions"))
    return None


def _check(call: Call, resource_arn: str, keys: dict[str, Any]) -> None:
    execution = executions.current()
    machine = execution["stateMachineArn"]
    role = ServiceRole(arn=executions.role_of(execution), service=PRINCIPAL, source_arn=machine, enforced=True)
    try:
        role.check(f"{call.service}:{call.operation}", resource_arn, keys)
    except RoleDeniedError as error:
        raise stepfunctions._ExecutionError(call.denial, str(error)) from error


def _resource_of(call: Call, resource: str, arguments: Any) -> str:
    region, account = responses.get_region(), responses.get_account_id()
    if call.service == "lambda":
        name = resource if resource.startswith(_FUNCTION_PREFIX) else arguments.get("FunctionName", "")
        return name if name.startswith("arn:") else f"{_FUNCTION_PREFIX}{region}:{account}:function:{name}"
    if call.service == "sqs":
        return f"arn:aws:sqs:{region}:{account}:{arguments.get('QueueUrl', '').rsplit('/', 1)[-1]}"
    if call.service == "sns":
        return str(arguments.get("TopicArn") or arguments.get("TargetArn") or "*")
    # The JSON protocols of the other services take the arguments as they are; Step Functions' own in camelCase.
    body = {_camel(name): value for name, value in arguments.items()} if call.service == "states" else arguments
    request: tuple[Any, ...] = (
        call.service,
        "POST",
        "/",
        {"x-amz-target": f"x.{call.operation}"},
        json.dumps(body).encode(),
        {},
    )
    return str(iam_actions.extract_resource_arn(*request, region, account))


def _keys_of(call: Call, arguments: Any) -> dict[str, Any]:
    """Return the condition keys of a call of DynamoDB: the partition key of the item that it names."""
    table = dynamodb._tables.get(arguments.get("TableName", "")) if call.service == "dynamodb" else None
    value = (arguments.get("Key") or arguments.get("Item") or {}).get(table["pk_name"]) if table else None
    return {"dynamodb:leadingkeys": list(value.values())} if value else {}


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
