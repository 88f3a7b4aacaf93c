"""Patterns: constructs made of several constructs, with numbers that fit each other."""

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
    "ApiAndQueueFunction",
    "ApiAndQueueFunctionProps",
    "ApiFunctionSettings",
    "AsyncRequestApi",
    "AsyncRequestApiProps",
    "ConnectedService",
    "Connector",
    "ConnectorProps",
    "FlowAlarms",
    "FlowAlarmsProps",
    "FlowDashboard",
    "FlowDashboardProps",
    "IdempotentReceiver",
    "IdempotentReceiverProps",
    "JobAlarmRules",
    "JobAlarms",
    "JobMetrics",
    "JobRoles",
    "OperatorAccess",
    "OperatorAccessProps",
    "ProvisionedPollers",
    "QueueBacklog",
    "ReceiverSettings",
    "RequestApiRoles",
    "Service",
    "ServicePipeline",
    "ServicePipelineProps",
    "SingleFlightSchedule",
    "SingleFlightScheduleProps",
    "Step",
]
