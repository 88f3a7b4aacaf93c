"""What a batch of new messages costs: ours, Powertools and the plain conditional put, on one DynamoDB."""
