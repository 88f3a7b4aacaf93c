"""Acknowledgements: findings of policy rules that are accepted, each with its reason."""

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct


def acknowledge(construct: "IConstruct", rule: str, reason: str) -> None:
    """Accept one finding about `construct` and the constructs inside it.

    CDK stores the acknowledgement as metadata. cdk-nag and the rules of `add_checks` read it.

    Args:
        construct: The construct that the finding is about.
        rule: Identifier of the finding, such as `AwsSolutions-IAM5[Resource::*]`.
        reason: Why the finding is accepted here.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
