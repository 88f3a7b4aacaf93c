"""Which module a public name of `tsunagu.cdk` is in.

A stack imports what it uses: the modules of all patterns together load thirty services of the CDK, for half a second.
"""

_NAMES: dict[str, tuple[str, ...]] = {
    "checks.pack": (
        "MessagingChecks",
        "add_checks",
    ),
    "checks.run_app": ("run_app",),
    "constructs.acknowledgement": ("acknowledge",),
    "constructs.claim_check_bucket": (
        "ClaimCheckBucket",
        "ClaimCheckBucketProps",
    ),
    "constructs.customer_managed_key": (
        "CustomerManagedKey",
        "CustomerManagedKeyProps",
    ),
    "constructs.dead_letter_notifier": (
        "DeadLetterNotifier",
        "DeadLetterNotifierProps",
    ),
    "constructs.ecr_image": ("EcrImage",),
    "constructs.event_invocation": (
        "EventInvocation",
        "EventInvocationProps",
    ),
    "constructs.filter_policy": (
        "FilterPolicy",
        "FilterScope",
    ),
    "constructs.flow_metrics": ("FlowMetrics",),
    "constructs.function_alarms": (
        "AlarmRule",
        "FunctionAlarms",
        "FunctionMetrics",
    ),
    "constructs.handler_function": (
        "HandlerFunction",
        "HandlerFunctionProps",
        "HandlerSettings",
    ),
    "constructs.idempotency_table": (
        "IdempotencyTable",
        "IdempotencyTableProps",
    ),
    "constructs.messaging_alarms": (
        "AgeRule",
        "MessagingAlarms",
    ),
    "constructs.metric_panels": ("MetricPanel",),
    "constructs.native_state_machine": (
        "NativeStateMachine",
        "NativeStateMachineProps",
    ),
    "constructs.network": ("Network",),
    "constructs.private_endpoints": (
        "PrivateEndpoints",
        "PrivateEndpointsProps",
    ),
    "constructs.protection": ("removal_policy",),
    "constructs.queue_channel": (
        "QueueChannel",
        "QueueChannelProps",
    ),
    "constructs.request_gateway": (
        "RequestGateway",
        "RequestGatewayProps",
    ),
    "constructs.request_gateway_settings": ("RequestGatewaySettings",),
    "constructs.request_pipe": (
        "RequestPipe",
        "RequestPipeProps",
    ),
    "constructs.request_sweeper": (
        "RequestSweeper",
        "RequestSweeperProps",
        "WebRequests",
    ),
    "constructs.result_bucket": (
        "ResultBucket",
        "ResultBucketProps",
    ),
    "constructs.run_sweeper": (
        "RunSweeper",
        "RunSweeperProps",
        "UnfinishedRuns",
    ),
    "constructs.topic_channel": (
        "TopicChannel",
        "TopicChannelProps",
    ),
    "constructs.topic_subscription": (
        "TopicSubscription",
        "TopicSubscriptionProps",
    ),
    "constructs.web_api": (
        "WebApi",
        "WebApiProps",
    ),
    "constructs.web_api_settings": (
        "WebApiCors",
        "WebApiDomain",
        "WebApiSettings",
    ),
    "patterns.api_and_queue_function": ("ApiAndQueueFunction",),
    "patterns.api_and_queue_props": (
        "ApiAndQueueFunctionProps",
        "ApiFunctionSettings",
    ),
    "patterns.async_request_api": ("AsyncRequestApi",),
    "patterns.async_request_props": (
        "AsyncRequestApiProps",
        "RequestApiRoles",
    ),
    "patterns.connector": (
        "ConnectedService",
        "Connector",
        "ConnectorProps",
    ),
    "patterns.flow_alarms": (
        "FlowAlarms",
        "FlowAlarmsProps",
        "QueueBacklog",
    ),
    "patterns.flow_dashboard": (
        "FlowDashboard",
        "FlowDashboardProps",
    ),
    "patterns.idempotent_receiver": (
        "IdempotentReceiver",
        "IdempotentReceiverProps",
    ),
    "patterns.job_alarm_rules": ("JobAlarmRules",),
    "patterns.operator_access": (
        "OperatorAccess",
        "OperatorAccessProps",
    ),
    "patterns.pipeline_props": (
        "ServicePipelineProps",
        "Step",
    ),
    "patterns.receiver_settings": (
        "ProvisionedPollers",
        "ReceiverSettings",
    ),
    "patterns.service": ("Service",),
    "patterns.service_pipeline": ("ServicePipeline",),
    "patterns.single_flight_alarms": (
        "JobAlarms",
        "JobMetrics",
    ),
    "patterns.single_flight_props": (
        "JobRoles",
        "SingleFlightScheduleProps",
    ),
    "patterns.single_flight_schedule": ("SingleFlightSchedule",),
}

MODULES = {name: module for module, names in _NAMES.items() for name in names}
