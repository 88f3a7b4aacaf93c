"""What an operator does, as functions: find stacks, trace requests, replay, put dead letters back."""
