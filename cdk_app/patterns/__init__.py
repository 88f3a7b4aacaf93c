"""Flows that work alone: each a construct made of building blocks, with the numbers that depend on each other."""

from cdk_app.patterns.connector import ConnectedService, Connector, ConnectorProps
from cdk_app.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from cdk_app.patterns.pipeline_props import ServicePipelineProps, Step
from cdk_app.patterns.receiver_settings import ProvisionedPollers
from cdk_app.patterns.service import Service
from cdk_app.patterns.service_pipeline import ServicePipeline

__all__ = [
    "ConnectedService",
    "Connector",
    "ConnectorProps",
    "IdempotentReceiver",
    "IdempotentReceiverProps",
    "ProvisionedPollers",
    "Service",
    "ServicePipeline",
    "ServicePipelineProps",
    "Step",
]
