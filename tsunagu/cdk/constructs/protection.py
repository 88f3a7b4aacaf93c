"""The removal policy of stateful resources."""

from aws_cdk import RemovalPolicy


def removal_policy(*, protect: bool) -> RemovalPolicy:
    """Return the policy that keeps a protected resource, and destroys another one, when its stack is deleted."""
    return RemovalPolicy.RETAIN if protect else RemovalPolicy.DESTROY
