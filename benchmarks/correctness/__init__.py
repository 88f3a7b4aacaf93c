"""What becomes of 2,000 payments when handlers are killed and DynamoDB fails: ours, a plain lock, and Powertools."""
