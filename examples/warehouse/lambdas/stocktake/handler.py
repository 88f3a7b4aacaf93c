"""The job: Lambda calls `handler` with the message of a run."""

from tsunagu import Run, scheduled_job, table_reader

from lambdas.contracts.environment import environment
from lambdas.contracts.names import STOCKTAKE

PAGE_ITEMS = 100


@scheduled_job(STOCKTAKE)
def handler(run: Run) -> dict[str, int]:
    """Add up the stock."""
    tables = environment()
    stock = table_reader(tables.stock_table_name)
    page = stock.scan(limit=PAGE_ITEMS)
    pieces = sum(item["pieces"] for item in page.items)
    while page.next_key is not None:
        page = stock.scan(limit=PAGE_ITEMS, after=page.next_key)
        pieces += sum(item["pieces"] for item in page.items)
    run.put(tables.journal_table_name, {"entry": "stocktake", "run": run.number, "pieces": pieces})
    return {"pieces": pieces}
