"""Writes the label of an order."""

from tsunagu import Work, pipeline_service

from lambdas.contracts.shipments import Shipment


@pipeline_service
def handler(shipment: Shipment, work: Work) -> dict[str, str]:
    """Return the label."""
    return {"label": f"{shipment.order}/{shipment.sku} x {shipment.pieces}"}
