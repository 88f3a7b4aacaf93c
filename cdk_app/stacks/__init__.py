"""Stacks that deploy: they only compose patterns."""
