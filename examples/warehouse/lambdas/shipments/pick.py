"""Takes an order out of the stock."""

from tsunagu import Work, pipeline_service

from lambdas.contracts.environment import environment
from lambdas.contracts.shipments import Shipment


@pipeline_service
def handler(shipment: Shipment, work: Work) -> dict[str, int]:
    """Take the pieces. The sum has no condition: a second time would show."""
    table = environment().stock_table_name
    work.update(table, {"sku": shipment.sku}, "ADD pieces :pieces", values={":pieces": -shipment.pieces})
    return {"picked": shipment.pieces}
