"""Tests of the handlers and of the stacks. They need no account and no network."""
