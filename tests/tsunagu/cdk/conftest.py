"""The fixtures of the constructs' tests."""

from tests.tsunagu.cdk.constructs.conftest import package, stack

__all__ = ["package", "stack"]
