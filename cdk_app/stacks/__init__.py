"""Stacks of the app, which only compose constructs and patterns."""
