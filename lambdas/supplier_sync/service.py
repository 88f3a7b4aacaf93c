"""Stores a price list, slice by slice."""

import math
from collections.abc import Callable

from lambdas.supplier_sync.supplier import ANSWER_SECONDS, PAGE_ARTICLES, Page
from tsunagu import Continue, JsonObject, Run

SLICE_ARTICLES = 90  # a commit takes 98 writes, and one of them is that of the list
STEP_SECONDS = ANSWER_SECONDS + 5


class PriceListSync:
    """Stores the price list of one supplier.

    An article of the list has the run that stored it. Articles of earlier runs are not on the list any more. The entry
    `LIST` refuses a run with a lower number than the last one: a late writer changes nothing.

    Args:
        table_name: Table with partition key `supplier` and sort key `entry`.
        supplier: Name of the supplier.
        page: Returns a page of the price list by its number, from 1.
    """

    def __init__(self, table_name: str, supplier: str, page: Callable[[int], Page]) -> None:
        self._table_name = table_name
        self._supplier = supplier
        self._page = page

    def store_all(self, run: Run) -> JsonObject:
        """Store what is left of the price list, as much as fits into a commit and an invocation.

        Returns:
            The number of articles, when all are stored.

        Raises:
            Continue: The next slice goes on.
            RetryableError, PermanentError: As `Supplier.page`.
        """
        done: JsonObject = run.checkpoint or {"page": 1, "articles": 0}
        number: int | None = done["page"]
        stored, before = done["articles"], done["articles"]
        while number is not None:
            run.raise_if_lost()
            page = self._page(number)
            self._store(run, page)
            stored += len(page.articles)
            number = page.next_page
            if number is not None:
                self._end_slice_if_due(run, {"page": number, "articles": stored}, stored - before)
        self._mark(run, stored, is_complete=True)
        return {"articles": stored}

    def _store(self, run: Run, page: Page) -> None:
        for article in page.articles:
            entry = {"supplier": self._supplier, "entry": f"ARTICLE#{article.sku}"}
            run.put(self._table_name, {**entry, "price": article.price, "run": run.number})

    def _end_slice_if_due(self, run: Run, progress: JsonObject, stored: int) -> None:
        is_full = stored + PAGE_ARTICLES > SLICE_ARTICLES
        try:
            run.continue_if_due(progress, step_seconds=math.inf if is_full else STEP_SECONDS)
        except Continue:
            self._mark(run, progress["articles"], is_complete=False)
            raise

    def _mark(self, run: Run, articles: int, *, is_complete: bool) -> None:
        run.update(
            self._table_name,
            {"supplier": self._supplier, "entry": "LIST"},
            "SET #run = :run, slot = :slot, articles = :articles, is_complete = :is_complete",
            condition="attribute_not_exists(#run) OR #run <= :run",
            names={"#run": "run"},
            values={
                ":run": run.number,
                ":slot": run.slot.isoformat(),
                ":articles": articles,
                ":is_complete": is_complete,
            },
        )
