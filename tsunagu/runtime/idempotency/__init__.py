"""Idempotency: items and their store, leases, keys, transactions, and the decision about each message."""
