"""Findings of policy rules that are accepted, each with its reason, beside the construct that causes it."""

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct


def acknowledge(construct: "IConstruct", rule: str, reason: str) -> None:
    """Accept one finding about `construct` and what is inside it.

    CDK records it as metadata, which cdk-nag and the pack in `tsunagu.cdk.checks` read; neither has to be installed.

    Args:
        construct: What the finding is about.
        rule: Identifier of the finding, such as `AwsSolutions-IAM5[Resource::*]`.
        reason: Why it is right here.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
