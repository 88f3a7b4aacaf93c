"""Applies template properties that ministack 1.5.33 ignores.

A table's TTL, the permissions boundary of a role or user, a function's concurrency and dead-letter queue, a topic's
key, request validators and access logs of a REST API, CORS of an HTTP API, parameters of a pipe, time zone and dates
of a schedule. A version with SnapStart is there when its first process has started; ministack does not wait for it.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import schedules, stream_pipes
from .ministack_modules import apigateway, apigateway_v1, dynamodb, iam, lambda_svc, provisioners, sns

Properties = dict[str, Any]
Adopt = Callable[[str, Properties], None]  # physical id, properties of the template

_POLL_SECONDS = 0.02

TOPIC_ATTRIBUTES = (
    "KmsMasterKeyId",
    "FifoTopic",
    "ContentBasedDeduplication",
    "FifoThroughputScope",
    "MaximumMessageSize",
)


def install() -> None:
    """Apply the properties after ministack has created or updated the resource."""
    _keep_tables_without_a_name()
    _adopt_after("AWS::DynamoDB::Table", _adopt_time_to_live)
    _adopt_after("AWS::DynamoDB::GlobalTable", _adopt_time_to_live)
    _adopt_after("AWS::IAM::Role", functools.partial(_adopt_boundary, iam._roles))
    _adopt_after("AWS::IAM::User", functools.partial(_adopt_boundary, iam._users))
    _adopt_after("AWS::Lambda::Function", _adopt_reserved_concurrency)
    _adopt_after("AWS::Lambda::Function", _adopt_dead_letter_queue)
    _adopt_after("AWS::Lambda::Version", _await_snapshot)
    _adopt_after("AWS::SNS::Topic", _adopt_topic_attributes)
    _adopt_after("AWS::ApiGateway::RequestValidator", _adopt_request_validator)
    _adopt_after("AWS::ApiGateway::Method", _adopt_validator_of_method)
    _adopt_after("AWS::ApiGateway::Stage", _adopt_access_log)
    _adopt_after("AWS::ApiGatewayV2::Api", _adopt_cors)
    _adopt_after("AWS::Pipes::Pipe", stream_pipes.adopt_parameters)
    _adopt_after("AWS::Scheduler::Schedule", schedules.adopt_times)


def _keep_tables_without_a_name() -> None:
    """Update a global table in place. ministack makes a new and empty one when the template does not name it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::GlobalTable"]
    update = handlers["update"]

    def update_in_place(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        return update(physical_id, old, {"TableName": physical_id} | new, *rest)

    handlers["update"] = update_in_place


def _adopt_after(resource_type: str, adopt: Adopt) -> None:
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers["update"]

    @functools.wraps(create)
    def create_and_adopt(logical_id: str, properties: Properties, *rest: Any, **named: Any) -> Any:
        outcome = create(logical_id, properties, *rest, **named)
        adopt(outcome[0], properties)
        return outcome

    @functools.wraps(update)
    def update_and_adopt(physical_id: str, old: Properties, new: Properties, *rest: Any, **named: Any) -> Any:
        outcome = update(physical_id, old, new, *rest, **named)
        adopt(outcome[0], new)
        return outcome

    handlers.update(create=create_and_adopt, update=update_and_adopt)


def _adopt_time_to_live(table_name: str, properties: Properties) -> None:
    specification = properties.get("TimeToLiveSpecification")
    if specification is None:
        dynamodb._ttl_settings.pop(table_name, None)
        return
    enabled = _is_true(specification.get("Enabled", True))
    attribute = specification.get("AttributeName", "")
    request = {"TableName": table_name, "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled}}
    status, _headers, body = dynamodb._update_ttl(request)
    if status != 200:  # noqa: PLR2004
        msg = f"TimeToLiveSpecification of {table_name} was refused: {body!r}"
        raise ValueError(msg)


def _adopt_boundary(identities: Mapping[str, Properties], name: str, properties: Properties) -> None:
    identities[name]["PermissionsBoundary"] = properties.get("PermissionsBoundary") or None


def _adopt_reserved_concurrency(function_name: str, properties: Properties) -> None:
    reserved = properties.get("ReservedConcurrentExecutions")
    lambda_svc._functions[function_name]["concurrency"] = None if reserved is None else int(reserved)


def _adopt_dead_letter_queue(function_name: str, properties: Properties) -> None:
    config = lambda_svc._functions[function_name]["config"]
    config["DeadLetterConfig"] = properties.get("DeadLetterConfig") or {}


def _await_snapshot(version_arn: str, _properties: Properties) -> None:
    """Wait until a version can be invoked. It fails where its function cannot start, or a hook of SnapStart fails."""
    _function_arn, _separator, number = version_arn.rpartition(":")
    name = lambda_svc._resolve_name(version_arn)
    config = lambda_svc._functions[name]["versions"][number]["config"]
    while config.get("State") == "Pending":
        time.sleep(_POLL_SECONDS)
    if config.get("State") == "Failed":
        msg = f"the version {number} of {name} does not start: {config.get('StateReason')}"
        raise ValueError(msg)


def _adopt_topic_attributes(topic_arn: str, properties: Properties) -> None:
    attributes = sns._topics[topic_arn]["attributes"]
    for name in TOPIC_ATTRIBUTES:
        if name in properties:
            value = properties[name]
            attributes[name] = str(value).lower() if isinstance(value, bool) else value
        else:
            attributes.pop(name, None)


def _adopt_request_validator(validator_id: str, properties: Properties) -> None:
    validators = apigateway_v1._request_validators.setdefault(properties["RestApiId"], {})
    validators[validator_id] = {
        "id": validator_id,
        "name": properties.get("Name"),
        "validateRequestBody": _is_true(properties.get("ValidateRequestBody")),
        "validateRequestParameters": _is_true(properties.get("ValidateRequestParameters")),
    }


def _adopt_validator_of_method(_method_id: str, properties: Properties) -> None:
    resource = apigateway_v1._resources[properties["RestApiId"]][properties["ResourceId"]]
    method = resource["resourceMethods"][properties["HttpMethod"]]
    method["requestValidatorId"] = properties.get("RequestValidatorId")


def _adopt_access_log(stage_name: str, properties: Properties) -> None:
    setting = properties.get("AccessLogSetting")
    stage = apigateway_v1._stages_v1[properties["RestApiId"]][stage_name]
    if setting is None:
        stage.pop("accessLogSettings", None)
    else:
        stage["accessLogSettings"] = {"destinationArn": setting["DestinationArn"], "format": setting["Format"]}


def _adopt_cors(api_id: str, properties: Properties) -> None:
    """Give the settings the names and types that the data plane reads."""
    if configuration := properties.get("CorsConfiguration"):
        cors = {name[:1].lower() + name[1:]: value for name, value in configuration.items()}
        if "maxAge" in cors:
            cors["maxAge"] = int(cors["maxAge"])
        cors["allowCredentials"] = _is_true(cors.get("allowCredentials", False))
        apigateway._apis[api_id]["corsConfiguration"] = cors


def _is_true(value: Any) -> bool:
    """Return a boolean of a template, where it may be text."""
    return str(value).lower() == "true"
