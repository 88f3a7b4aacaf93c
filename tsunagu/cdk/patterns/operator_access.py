"""Policies for people: who may look at the flows of a stack, and who may change something in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge_wildcards
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.grants import grantee_name, is_foreign
from tsunagu.cdk.patterns.operator_resources import operated_resources
from tsunagu.cdk.patterns.operator_statements import operating, reading, split
from tsunagu.cdk.props import CheckedProps

_WILDCARDS = "an operator looks at all executions, streams and stacks of these names; some actions have no resource"
_CREATED = (iam.Role, iam.LazyRole, iam.Group, iam.User)
_NAMES = ("role_name", "group_name", "user_name")


class PolicyTaker(Protocol):
    """Who takes managed policies: a role, a group or a user."""

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Who it is in policies."""

    def add_managed_policy(self, policy: iam.IManagedPolicy) -> None:
        """Attach a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAccessProps(CheckedProps):
    """Settings of the access.

    Attributes:
        readers: Roles, groups or users who may look. Default: nobody; `reader` has the policies.
        operators: Those who may also change something. Default: nobody; `operator` has the policies.

    Raises:
        InvalidPropsError: A value is of another type.
    """

    readers: Sequence[PolicyTaker] = ()
    operators: Sequence[PolicyTaker] = ()


class OperatorAccess(CheckedConstruct):
    """Give people what the `tsunagu` command needs for the resources of a stack, and nothing else.

    Create it last, in the stack of the flows: it allows actions on the resources that the stack has then, those of its
    nested stacks included. Each list is as many policies as IAM needs for its length.

    Attributes:
        reader: For the verbs that change nothing: `status`, `why`, `find`, `trace`, `runs`, `dlq list`, `dlq show`,
            `dlq export`, `lease list` and `graph`.
        operator: What the others need besides `reader`: `dlq redrive`, `edit`, `discard` and `purge`, `send`, `start`,
            `replay`, `run`, `runs --dismiss` and `lease release`.

    Raises:
        InvalidPropsError: One of the readers or operators takes no policies, as in `grant_read`.
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
        """Let a role, group or user look.

        Raises:
            InvalidPropsError: It takes no policies, such as a role of another account, or one that was imported as
                immutable.
        """
        self._attach(self.reader, grantee)

    def grant_operate(self, grantee: PolicyTaker) -> None:
        """Let a role, group or user look, and change something.

        Raises:
            InvalidPropsError: It takes no policies, as in `grant_read`.
        """
        self._attach([*self.reader, *self.operator], grantee)

    def _attach(self, policies: Sequence[iam.ManagedPolicy], grantee: PolicyTaker) -> None:
        for policy in policies:
            grantee.add_managed_policy(policy)
            if not _has_taken(policy, grantee):
                msg = (
                    "grantee must take managed policies, because a role that was imported as immutable or from another "
                    f"account ignores them, got {grantee_name(grantee)}: "
                    f"attach those under {self.node.path} where a role of this account is written"
                )
                raise props_error(self, msg)

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


def _has_taken(policy: iam.ManagedPolicy, grantee: PolicyTaker) -> bool:
    """Return whether a policy is attached: what the app creates lists its policies; a policy lists what is imported."""
    stack = Stack.of(policy)
    if is_foreign(grantee, stack.account, if_unknown=False):
        return False
    if isinstance(grantee, _CREATED):
        return True
    resource = cast("iam.CfnManagedPolicy", policy.node.default_child)
    names = [stack.resolve(getattr(grantee, each)) for each in _NAMES if hasattr(grantee, each)]
    attached = [stack.resolve(each) or [] for each in (resource.roles, resource.groups, resource.users) if each]
    return any(name in found for name in names for found in attached)
