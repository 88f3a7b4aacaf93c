"""Patterns: constructs made of several constructs, with numbers that fit each other."""

from tsunagu.cdk.patterns.connector import ConnectedService, Connector, ConnectorProps
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from tsunagu.cdk.patterns.pipeline_props import ServicePipelineProps, Step
from tsunagu.cdk.patterns.receiver_settings import ProvisionedPollers, ReceiverSettings
from tsunagu.cdk.patterns.service import Service
from tsunagu.cdk.patterns.service_pipeline import ServicePipeline

__all__ = [
    "ConnectedService",
    "Connector",
    "ConnectorProps",
    "IdempotentReceiver",
    "IdempotentReceiverProps",
    "ProvisionedPollers",
    "ReceiverSettings",
    "Service",
    "ServicePipeline",
    "ServicePipelineProps",
    "Step",
]
