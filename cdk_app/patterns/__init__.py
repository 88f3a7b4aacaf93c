"""Flows that work alone: each a construct made of building blocks, with the numbers that depend on each other."""

from cdk_app.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from cdk_app.patterns.receiver_settings import ProvisionedPollers

__all__ = ["IdempotentReceiver", "IdempotentReceiverProps", "ProvisionedPollers"]
