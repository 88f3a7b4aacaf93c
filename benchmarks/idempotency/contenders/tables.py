"""The tables' names: each process has tables of its own, so that every message is new to it."""

import os

ITEMS_TABLE_VARIABLE = "ITEMS_TABLE"
PAYMENTS_TABLE_VARIABLE = "PAYMENTS_TABLE"


def items_table() -> str:
    """Return the table of the idempotency items."""
    return os.environ[ITEMS_TABLE_VARIABLE]


def payments_table() -> str:
    """Return the table of the business."""
    return os.environ[PAYMENTS_TABLE_VARIABLE]
