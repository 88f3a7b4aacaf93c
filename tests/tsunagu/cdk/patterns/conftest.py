"""Receivers are built in the same stack, from the same package, as constructs are."""

from tests.tsunagu.cdk.constructs.conftest import package, stack

__all__ = ["package", "stack"]
