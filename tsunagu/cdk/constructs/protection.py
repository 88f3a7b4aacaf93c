"""What becomes of stateful resources when their stack goes."""

from aws_cdk import RemovalPolicy


def removal_policy(*, protect: bool) -> RemovalPolicy:
    """Keep a stateful resource that is protected, destroy one that is not."""
    return RemovalPolicy.RETAIN if protect else RemovalPolicy.DESTROY
