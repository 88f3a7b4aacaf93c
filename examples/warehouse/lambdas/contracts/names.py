"""Names that a handler and its stack both use."""

STOCKTAKE = "stocktake"
