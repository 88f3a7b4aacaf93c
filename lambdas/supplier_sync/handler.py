"""The function that stores a price list: Lambda calls `handler` with the message of a run."""

from lambdas.contracts.suppliers import SUPPLIER_SYNC
from lambdas.supplier_sync import wiring
from tsunagu import JsonObject, Run, scheduled_job


@scheduled_job(SUPPLIER_SYNC)
def handler(run: Run) -> JsonObject:
    """Store the price list of the supplier."""
    return wiring.sync().store_all(run)
