"""From an SQS event to the partial batch response: deliveries, batches, invocations, outcomes."""
