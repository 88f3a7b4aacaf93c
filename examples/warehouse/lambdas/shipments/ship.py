"""Ships an order, once it is picked and labelled."""

from tsunagu import Work, pipeline_service

from lambdas.contracts.environment import environment
from lambdas.contracts.shipments import Shipment


@pipeline_service
def handler(shipment: Shipment, work: Work) -> dict[str, str]:
    """Write the shipment into the journal."""
    label, picked = work.results["label"]["label"], work.results["pick"]["picked"]
    work.put(
        environment().journal_table_name,
        {"entry": f"shipment-{shipment.order}", "label": label, "pieces": picked},
    )
    return {"shipped": shipment.order}
