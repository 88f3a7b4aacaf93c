"""Constructs, patterns, checks and assets of stacks."""
