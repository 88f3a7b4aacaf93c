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
from tsunagu.errors import AssetError, InvalidPropsError, TsunaguError

if TYPE_CHECKING:
    from tsunagu.cdk.checks import MessagingChecks, add_checks
    from tsunagu.cdk.constructs import (
        AlarmRule,
        ClaimCheckBucket,
        ClaimCheckBucketProps,
        CustomerManagedKey,
        CustomerManagedKeyProps,
        DeadLetterNotifier,
        DeadLetterNotifierProps,
        EcrImage,
        EventInvocation,
        EventInvocationProps,
        FilterPolicy,
        FilterScope,
        FunctionAlarms,
        FunctionMetrics,
        HandlerFunction,
        HandlerFunctionProps,
        HandlerSettings,
        IdempotencyTable,
        IdempotencyTableProps,
        NativeStateMachine,
        NativeStateMachineProps,
        Network,
        PrivateEndpoints,
        PrivateEndpointsProps,
        QueueChannel,
        QueueChannelProps,
        RequestGateway,
        RequestGatewayProps,
        RequestGatewaySettings,
        RequestPipe,
        RequestPipeProps,
        RequestSweeper,
        RequestSweeperProps,
        ResultBucket,
        ResultBucketProps,
        TopicChannel,
        TopicChannelProps,
        TopicSubscription,
        TopicSubscriptionProps,
        WebApi,
        WebApiCors,
        WebApiDomain,
        WebApiProps,
        WebApiSettings,
        WebRequests,
        acknowledge,
        removal_policy,
    )
    from tsunagu.cdk.patterns import (
        ApiAndQueueFunction,
        ApiAndQueueFunctionProps,
        ApiFunctionSettings,
        AsyncRequestApi,
        AsyncRequestApiProps,
        ConnectedService,
        Connector,
        ConnectorProps,
        IdempotentReceiver,
        IdempotentReceiverProps,
        JobAlarms,
        JobMetrics,
        ProvisionedPollers,
        ReceiverSettings,
        Service,
        ServicePipeline,
        ServicePipelineProps,
        SingleFlightSchedule,
        SingleFlightScheduleProps,
        Step,
    )

__all__ = [
    "ARCHITECTURES",
    "PYTHONS",
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
    "JobAlarms",
    "JobMetrics",
    "MessagingChecks",
    "NativeStateMachine",
    "NativeStateMachineProps",
    "Network",
    "Platform",
    "PrivateEndpoints",
    "PrivateEndpointsProps",
    "ProvisionedPollers",
    "QueueChannel",
    "QueueChannelProps",
    "ReceiverSettings",
    "RequestGateway",
    "RequestGatewayProps",
    "RequestGatewaySettings",
    "RequestPipe",
    "RequestPipeProps",
    "RequestSweeper",
    "RequestSweeperProps",
    "ResultBucket",
    "ResultBucketProps",
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
]

_LAZY_PACKAGES = ("constructs", "patterns", "checks")

if not TYPE_CHECKING:  # a type checker must still find that a name does not exist

    def __getattr__(name: str) -> object:
        """Import the package of a public name when the name is first used."""
        if name in __all__:
            for package in _LAZY_PACKAGES:
                module = import_module(f"{__name__}.{package}")
                if name in module.__all__:
                    return getattr(module, name)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
