"""What handlers and stacks share."""
