"""Constructs with safe defaults, each for one AWS resource or for one role that several resources play together."""

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

__all__ = [
    "AgeRule",
    "AlarmRule",
    "ClaimCheckBucket",
    "ClaimCheckBucketProps",
    "CustomerManagedKey",
    "CustomerManagedKeyProps",
    "DeadLetterNotifier",
    "DeadLetterNotifierProps",
    "EcrImage",
    "EventInvocation",
    "EventInvocationProps",
    "FilterPolicy",
    "FilterScope",
    "FlowMetrics",
    "FunctionAlarms",
    "FunctionMetrics",
    "HandlerFunction",
    "HandlerFunctionProps",
    "HandlerSettings",
    "IdempotencyTable",
    "IdempotencyTableProps",
    "MessagingAlarms",
    "MetricPanel",
    "NativeStateMachine",
    "NativeStateMachineProps",
    "Network",
    "PrivateEndpoints",
    "PrivateEndpointsProps",
    "QueueChannel",
    "QueueChannelProps",
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
    "TopicChannel",
    "TopicChannelProps",
    "TopicSubscription",
    "TopicSubscriptionProps",
    "UnfinishedRuns",
    "WebApi",
    "WebApiCors",
    "WebApiDomain",
    "WebApiProps",
    "WebApiSettings",
    "WebRequests",
    "acknowledge",
    "removal_policy",
]
