"""Policies for people: who may look at the flows of a stack, and who may change something in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge_wildcards
from tsunagu.cdk.patterns.operator_resources import operated_resources
from tsunagu.cdk.patterns.operator_statements import operating, reading, split
from tsunagu.cdk.props import CheckedProps

_WILDCARDS = "an operator looks at all executions, streams and stacks of these names; some actions have no resource"


class PolicyTaker(Protocol):
    """Who takes managed policies: a role, a group or a user."""

    def add_managed_policy(self, policy: iam.IManagedPolicy) -> None:
        """Attach a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAccessProps(CheckedProps):
    """Settings of the access.

    Attributes:
        readers: Roles, groups or users who may look. Default: nobody; `reader` has the policies.
        operators: Those who may also change something. Default: nobody; `operator` has the policies.
    """

    readers: Sequence[PolicyTaker] = ()
    operators: Sequence[PolicyTaker] = ()


class OperatorAccess(Construct):
    """Give people what the `tsunagu` command needs for the resources of a stack, and nothing else.

    Create it last, in the stack of the flows: it allows actions on the resources that the stack has then, those of its
    nested stacks included. Each list is as many policies as IAM needs for its length.

    Attributes:
        reader: For the verbs that change nothing: `status`, `why`, `find`, `trace`, `runs`, `dlq list`, `dlq show`,
            `dlq export`, `lease list` and `graph`.
        operator: What the others need besides `reader`: `dlq redrive`, `edit`, `discard` and `purge`, `send`, `start`,
            `replay`, `run`, `runs --dismiss` and `lease release`.
    """

    def __init__(self, scope: Construct, construct_id: str, props: OperatorAccessProps | None = None) -> None:
        super().__init__(scope, construct_id)
        settings = props or OperatorAccessProps()
        stack = Stack.of(self)
        found = operated_resources(stack)
        self.reader = self._policies("Reader", "Look at the flows of a stack", reading(stack, found))
        self.operator = self._policies("Operator", "Change something in the flows of a stack", operating(stack, found))
        for each in settings.readers:
            self.grant_read(each)
        for each in settings.operators:
            self.grant_operate(each)

    def grant_read(self, grantee: PolicyTaker) -> None:
        """Let a role, group or user look."""
        for policy in self.reader:
            grantee.add_managed_policy(policy)

    def grant_operate(self, grantee: PolicyTaker) -> None:
        """Let a role, group or user look, and change something."""
        for policy in (*self.reader, *self.operator):
            grantee.add_managed_policy(policy)

    def _policies(
        self, name: str, description: str, statements: Sequence[iam.PolicyStatement]
    ) -> Sequence[iam.ManagedPolicy]:
        return [
            self._policy(f"{name}{number}" if number > 1 else name, description, part)
            for number, part in enumerate(split(statements), 1)
        ]

    def _policy(
        self, construct_id: str, description: str, statements: Sequence[iam.PolicyStatement]
    ) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(self, construct_id, description=description, statements=[*statements])
        acknowledge_wildcards(policy, [each for found in statements for each in found.resources], _WILDCARDS)
        return policy
