"""Roles that a team gives: they get permissions where they take policies; else their owner is told what they need."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.grants import own_policy

if TYPE_CHECKING:
    from constructs import Construct

ANYTHING = "*"


def allow_own_role(scope: "Construct", prop: str, role: iam.IRole, actions: Sequence[str], arn: str) -> bool:
    """Let a role do what only its own policy can allow. Where it takes none, an info lists what its owner must allow.

    Args:
        scope: Construct that uses the role.
        prop: Prop by which it was given.
        role: The role.
        actions: What it must be able to do.
        arn: With which resource.

    Returns:
        Whether the role takes policies.
    """
    takes_policies = own_policy(scope, role, actions, [arn]) is not None
    if not takes_policies:
        list_needed(scope, prop, role, actions, arn)
    return takes_policies


def attach_policies(
    scope: "Construct",
    role: iam.IRole,
    policies: Mapping[str, iam.PolicyDocument],
    acknowledged: Mapping[str, str],
) -> None:
    """Attach policies to a given role that takes some.

    Args:
        scope: Scope of the policies.
        role: The role.
        policies: Documents by construct id.
        acknowledged: Rules that the policies break, each with why they may.
    """
    for name, document in policies.items():
        policy = iam.Policy(scope, name, document=document)
        role.attach_inline_policy(policy)
        for rule, reason in acknowledged.items():
            acknowledge(policy, rule, reason)


def list_needed(scope: "Construct", prop: str, role: iam.IRole, actions: Sequence[str], arn: str = ANYTHING) -> None:
    """Say at synthesis what the owner of a role must allow. A role that the app creates takes policies.

    Args:
        scope: Construct that uses the role.
        prop: Prop by which it was given.
        role: The role.
        actions: What it must be able to do.
        arn: With which resource. Default: with all.
    """
    if not isinstance(role, iam.Role):
        Annotations.of(scope).add_info(
            f"{prop} must allow {', '.join(actions)} on {arn}; if {role.node.path} takes no policies, "
            "its owner adds that"
        )
