"""Handlers of an SQS event; the functions of a module return one whose clients are made."""
