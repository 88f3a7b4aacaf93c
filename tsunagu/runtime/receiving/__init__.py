"""Receiving: processes the messages of an SQS event, and answers with the partial batch response."""
