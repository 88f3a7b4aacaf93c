"""Acknowledgements: findings of policy rules that are accepted, each with its reason."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import IConstruct

from tsunagu.cdk.props.checked import check_value
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_s3 as s3


def acknowledge(construct: "IConstruct", rule: str, reason: str) -> None:
    """Accept one finding about `construct` and the constructs inside it.

    CDK stores the acknowledgement as metadata. cdk-nag and the rules of `add_checks` read it.

    Args:
        construct: The construct that the finding is about.
        rule: Identifier of the finding, such as `AwsSolutions-IAM5[Resource::*]`.
        reason: Why the finding is accepted here.

    Raises:
        InvalidPropsError: The rule or the reason is empty, or an argument is of another type.
    """
    check_value("construct", construct, IConstruct)
    for name, value in (("rule", rule), ("reason", reason)):
        check_value(name, value, str)
        if not value.strip():
            msg = f"{name} must not be empty, got {value!r}"
            raise InvalidPropsError(msg)
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_wildcards(policy: "IConstruct", resources: Iterable[str], reason: str) -> None:
    """Accept that a policy has wildcards in some of its resources, each as cdk-nag writes it.

    Args:
        policy: The policy.
        resources: Its resources; those without a wildcard are left out.
        reason: Why they are accepted.
    """
    flat = {_flat(Stack.of(policy).resolve(resource)) for resource in resources}
    for resource in sorted(each for each in flat if "*" in each):
        acknowledge(policy, f"AwsSolutions-IAM5[Resource::{resource}]", reason)


def _flat(value: Any) -> str:
    """Return an ARN as cdk-nag writes it: references in angle brackets, other functions as JSON."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator.join(map(_flat, parts)))
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return json.dumps(value, separators=(",", ":"))


def acknowledge_role(role: "iam.IRole", rule: str, reason: str) -> None:
    """Accept one finding about the inline policies of a role, but about no policy that grants add to it later.

    Where `Role.customize_roles` lets the app create no role, there is no resource that has the policies.
    """
    acknowledge(role.node.try_find_child("Resource") or role, rule, reason)


def acknowledge_objects(role: "IConstruct", bucket: "s3.IBucket", pattern: str) -> None:
    """Accept that a role may use the objects of a bucket whose keys fit a pattern, because ids are in the keys.

    Args:
        role: The role.
        bucket: The bucket. For one that another stack made, there is nothing to accept.
        pattern: The keys, with wildcards.
    """
    resource = bucket.node.default_child
    if isinstance(resource, CfnElement):
        logical_id = Stack.of(bucket).get_logical_id(resource)
        rule = f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>/{pattern}]"
        acknowledge(role, rule, "the key of an object contains ids that are known at run time only")
