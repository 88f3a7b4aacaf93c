"""Sending: the outbox of a business function, and batches of messages for queues and topics."""
