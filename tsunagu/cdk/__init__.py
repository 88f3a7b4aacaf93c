"""Front door for stacks: constructs, patterns, checks, handler packages, and the errors that they raise.

A name is imported when it is first used, because `aws_cdk` starts a Node process. Handler packages need no `aws_cdk`.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if find_spec("aws_cdk") is None:
    _MISSING = 'tsunagu.cdk needs the package aws-cdk-lib: run pip install "tsunagu[cdk]"'
    raise ModuleNotFoundError(_MISSING, name="aws_cdk")

from tsunagu.cdk.assets import (
    ARCHITECTURES,
    PYTHONS,
    Architecture,
    HandlerAsset,
    HandlerPackage,
    ImageAsset,
    ImagePackage,
    Platform,
    build_asset,
    build_image,
)
from tsunagu.cdk.homes import MODULES
from tsunagu.errors import AssetError, InvalidPropsError, TsunaguError

if TYPE_CHECKING:
    from tsunagu.cdk.checks.pack import MessagingChecks, add_checks
    from tsunagu.cdk.checks.run_app import run_app
    from tsunagu.cdk.constructs.acknowledgement import acknowledge
    from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
    from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
    from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
    from tsunagu.cdk.constructs.ecr_image import EcrImage
    from tsunagu.cdk.constructs.event_invocation import EventInvocation, EventInvocationProps
    from tsunagu.cdk.constructs.filter_policy import FilterPolicy, FilterScope
    from tsunagu.cdk.constructs.flow_metrics import FlowMetrics
    from tsunagu.cdk.constructs.function_alarms import AlarmRule, FunctionAlarms, FunctionMetrics
    from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps, HandlerSettings
    from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
    from tsunagu.cdk.constructs.messaging_alarms import AgeRule, MessagingAlarms
    from tsunagu.cdk.constructs.metric_panels import MetricPanel
    from tsunagu.cdk.constructs.native_state_machine import NativeStateMachine, NativeStateMachineProps
    from tsunagu.cdk.constructs.network import Network
    from tsunagu.cdk.constructs.private_endpoints import PrivateEndpoints, PrivateEndpointsProps
    from tsunagu.cdk.constructs.protection import removal_policy
    from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
    from tsunagu.cdk.constructs.request_gateway import RequestGateway, RequestGatewayProps
    from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings
    from tsunagu.cdk.constructs.request_pipe import RequestPipe, RequestPipeProps
    from tsunagu.cdk.constructs.request_sweeper import RequestSweeper, RequestSweeperProps, WebRequests
    from tsunagu.cdk.constructs.result_bucket import ResultBucket, ResultBucketProps
    from tsunagu.cdk.constructs.run_sweeper import RunSweeper, RunSweeperProps, UnfinishedRuns
    from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
    from tsunagu.cdk.constructs.topic_subscription import TopicSubscription, TopicSubscriptionProps
    from tsunagu.cdk.constructs.web_api import WebApi, WebApiProps
    from tsunagu.cdk.constructs.web_api_settings import WebApiCors, WebApiDomain, WebApiSettings
    from tsunagu.cdk.patterns.api_and_queue_function import ApiAndQueueFunction
    from tsunagu.cdk.patterns.api_and_queue_props import ApiAndQueueFunctionProps, ApiFunctionSettings
    from tsunagu.cdk.patterns.async_request_api import AsyncRequestApi
    from tsunagu.cdk.patterns.async_request_props import AsyncRequestApiProps, RequestApiRoles
    from tsunagu.cdk.patterns.connector import ConnectedService, Connector, ConnectorProps
    from tsunagu.cdk.patterns.flow_alarms import FlowAlarms, FlowAlarmsProps, QueueBacklog
    from tsunagu.cdk.patterns.flow_dashboard import FlowDashboard, FlowDashboardProps
    from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
    from tsunagu.cdk.patterns.job_alarm_rules import JobAlarmRules
    from tsunagu.cdk.patterns.operator_access import OperatorAccess, OperatorAccessProps
    from tsunagu.cdk.patterns.pipeline_props import ServicePipelineProps, Step
    from tsunagu.cdk.patterns.receiver_settings import ProvisionedPollers, ReceiverSettings
    from tsunagu.cdk.patterns.service import Service
    from tsunagu.cdk.patterns.service_pipeline import ServicePipeline
    from tsunagu.cdk.patterns.single_flight_alarms import JobAlarms, JobMetrics
    from tsunagu.cdk.patterns.single_flight_props import JobRoles, SingleFlightScheduleProps
    from tsunagu.cdk.patterns.single_flight_schedule import SingleFlightSchedule

__all__ = [
    "ARCHITECTURES",
    "PYTHONS",
    "AgeRule",
    "AlarmRule",
    "ApiAndQueueFunction",
    "ApiAndQueueFunctionProps",
    "ApiFunctionSettings",
    "Architecture",
    "AssetError",
    "AsyncRequestApi",
    "AsyncRequestApiProps",
    "ClaimCheckBucket",
    "ClaimCheckBucketProps",
    "ConnectedService",
    "Connector",
    "ConnectorProps",
    "CustomerManagedKey",
    "CustomerManagedKeyProps",
    "DeadLetterNotifier",
    "DeadLetterNotifierProps",
    "EcrImage",
    "EventInvocation",
    "EventInvocationProps",
    "FilterPolicy",
    "FilterScope",
    "FlowAlarms",
    "FlowAlarmsProps",
    "FlowDashboard",
    "FlowDashboardProps",
    "FlowMetrics",
    "FunctionAlarms",
    "FunctionMetrics",
    "HandlerAsset",
    "HandlerFunction",
    "HandlerFunctionProps",
    "HandlerPackage",
    "HandlerSettings",
    "IdempotencyTable",
    "IdempotencyTableProps",
    "IdempotentReceiver",
    "IdempotentReceiverProps",
    "ImageAsset",
    "ImagePackage",
    "InvalidPropsError",
    "JobAlarmRules",
    "JobAlarms",
    "JobMetrics",
    "JobRoles",
    "MessagingAlarms",
    "MessagingChecks",
    "MetricPanel",
    "NativeStateMachine",
    "NativeStateMachineProps",
    "Network",
    "OperatorAccess",
    "OperatorAccessProps",
    "Platform",
    "PrivateEndpoints",
    "PrivateEndpointsProps",
    "ProvisionedPollers",
    "QueueBacklog",
    "QueueChannel",
    "QueueChannelProps",
    "ReceiverSettings",
    "RequestApiRoles",
    "RequestGateway",
    "RequestGatewayProps",
    "RequestGatewaySettings",
    "RequestPipe",
    "RequestPipeProps",
    "RequestSweeper",
    "RequestSweeperProps",
    "ResultBucket",
    "ResultBucketProps",
    "RunSweeper",
    "RunSweeperProps",
    "Service",
    "ServicePipeline",
    "ServicePipelineProps",
    "SingleFlightSchedule",
    "SingleFlightScheduleProps",
    "Step",
    "TopicChannel",
    "TopicChannelProps",
    "TopicSubscription",
    "TopicSubscriptionProps",
    "TsunaguError",
    "UnfinishedRuns",
    "WebApi",
    "WebApiCors",
    "WebApiDomain",
    "WebApiProps",
    "WebApiSettings",
    "WebRequests",
    "acknowledge",
    "add_checks",
    "build_asset",
    "build_image",
    "removal_policy",
    "run_app",
]

if not TYPE_CHECKING:  # a type checker must still find that a name does not exist

    def __getattr__(name: str) -> object:
        """Import the module of a public name when the name is first used, and what that module needs.

        Raises:
            AttributeError: `tsunagu.cdk` exports no such name.
        """
        if name not in MODULES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
        globals()[name] = value  # so that the next use does not come here
        return value
