"""The idempotency item: its store, its lease, its keys, and what it decides about a message."""
