"""The removal policy of stateful resources."""

from aws_cdk import RemovalPolicy

from tsunagu.cdk.props.checked import check_value


def removal_policy(*, protect: bool) -> RemovalPolicy:
    """Return the policy that keeps a protected resource, and destroys another one, when its stack is deleted.

    Raises:
        InvalidPropsError: `protect` is not a boolean.
    """
    check_value("protect", protect, bool)
    return RemovalPolicy.RETAIN if protect else RemovalPolicy.DESTROY
