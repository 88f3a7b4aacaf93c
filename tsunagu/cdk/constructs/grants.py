"""Grants: permissions of a grantee to use a resource and its key, by the policy that can hold them.

A role, user or group of this app gets a policy of its own. An account, an organization, a service, a role of another
account and a role that was imported as immutable take no policy, or need a second one: for them the policy of the
resource is extended. Where neither can be changed, the grant fails. It also fails for them where the resource has no
policy at all, such as an HTTP API, a state machine or a stream.

The CDK's own grants report success in these cases even if no policy was changed.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.props import is_known
from tsunagu.cdk.props.checked import check_value
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from constructs import IConstruct, Node

Conditions = Mapping[str, Mapping[str, Any]]

INVOKE_ACTION = "lambda:InvokeFunction"


class PolicyResource(Protocol):
    """A resource that can have a policy: a queue, topic, table, bucket or key. An imported one keeps its policy."""

    @property
    def node(self) -> "Node":
        """Node of the construct."""

    @property
    def env(self) -> Any:
        """Account and region of the resource."""

    def add_to_resource_policy(self, statement: iam.PolicyStatement, /) -> iam.AddToResourcePolicyResult:
        """Add a statement, if the policy of the resource can be changed."""


class Grantor:
    """Gives permissions of one resource, and of the key that encrypts it.

    Args:
        scope: Construct whose method grants; errors begin with its path.
        resource: The resource.
        key: Key of the resource. Default: none, or a key that needs no permission.
    """

    def __init__(self, scope: "IConstruct", resource: PolicyResource, key: kms.IKey | None = None) -> None:
        self._scope = scope
        self._resource = resource
        self._key = key

    def grant(
        self,
        grantee: iam.IGrantable,
        actions: Sequence[str],
        arn: str,
        *,
        policy_arn: str | None = None,
        key_actions: Sequence[str] = (),
        conditions: Conditions | None = None,
    ) -> iam.Grant:
        """Let `grantee` use the resource, and its key.

        Args:
            grantee: Who may use the resource.
            actions: What the grantee may do.
            arn: ARN of what it may use.
            policy_arn: The same in the policy of the resource, where it must differ. Default: `arn`.
            key_actions: What the grantee may do with the key. Default: it does not use the key.
            conditions: Conditions of the use of the resource. Default: none.

        Raises:
            InvalidPropsError: Neither the grantee nor the resource or key has a policy that can be extended.
        """
        own = own_policy(self._scope, grantee, actions, [arn], conditions)
        granted = self._with_policy_of(self._resource, grantee, actions, policy_arn or arn, own, conditions=conditions)
        if self._key is None or not key_actions:
            return granted
        return granted.combine(self._use_of_key(self._key, grantee, key_actions, has_own_policy=own is not None))

    def add_use_of_key(self, granted: iam.Grant, grantee: iam.IGrantable, key_actions: Sequence[str]) -> iam.Grant:
        """Add the use of the resource's key, if it has one, to a grant that a policy of the grantee holds.

        Raises:
            InvalidPropsError: The key drops the grant, and its policy cannot be extended.
        """
        if self._key is None:
            return granted
        return granted.combine(self._use_of_key(self._key, grantee, key_actions, has_own_policy=True))

    def _use_of_key(
        self, key: kms.IKey, grantee: iam.IGrantable, actions: Sequence[str], *, has_own_policy: bool
    ) -> iam.Grant:
        own = None
        if has_own_policy:
            own = key.grant(grantee, *actions)
            if not own.success:  # a key that was imported by its alias drops the grant
                raise self._no_policy(key, grantee, actions)
        return self._with_policy_of(key, grantee, actions, "*", own)

    def _with_policy_of(
        self,
        resource: PolicyResource,
        grantee: iam.IGrantable,
        actions: Sequence[str],
        arn: str,
        own: iam.Grant | None,
        *,
        conditions: Conditions | None = None,
    ) -> iam.Grant:
        """Extend the policy of `resource`, if the policy of the grantee does not suffice."""
        if own is not None and not is_foreign(grantee, resource.env.account):
            return own
        statement = iam.PolicyStatement(
            actions=[*actions], resources=[arn], principals=[grantee.grant_principal], conditions=conditions
        )
        if resource.add_to_resource_policy(statement).statement_added:
            # The call below adds the statement once more, which a policy document drops; only it returns a grant.
            added = iam.Grant.add_statement_to_resource_policy(
                grantee=grantee, actions=[*actions], resource_arns=[arn], resource=resource, statement=statement
            )
            return added if own is None else own.combine(added)
        if own is None:
            raise self._no_policy(resource, grantee, actions)
        Annotations.of(self._scope).add_info(
            f"the policy of the imported {resource.node.path} must allow {', '.join(actions)} to a grantee of another "
            "account, or its calls are refused"
        )
        return own

    def _no_policy(
        self, resource: PolicyResource, grantee: iam.IGrantable, actions: Sequence[str]
    ) -> InvalidPropsError:
        msg = (
            f"grantee must have a policy that can be extended, because the policy of the imported {resource.node.path} "
            f"cannot be changed, got {grantee_name(grantee)}: "
            f"allow it {', '.join(actions)} where that policy is written"
        )
        return props_error(self._scope, msg)


def grant_by_own_policy(
    scope: "IConstruct",
    grantee: iam.IGrantable,
    actions: Sequence[str],
    arns: Sequence[str],
    *,
    account: str,
    reason: str,
) -> iam.Grant:
    """Let `grantee` do what only a policy of its own can allow, in the account of the resource.

    Args:
        scope: Construct whose method grants; errors begin with its path.
        grantee: Who is granted.
        actions: What the grantee may do.
        arns: ARNs of what it may use.
        account: Account of the resource.
        reason: Why no policy of the resource can allow it, for the error.

    Raises:
        InvalidPropsError: The grantee has no policy that can be extended, or is of another account.
    """
    own = own_policy(scope, grantee, actions, arns)
    if own is None or is_foreign(grantee, account, if_unknown=False):
        msg = (
            "grantee must have a policy that can be extended, and be of the account of the resource, because "
            f"{reason}, got {grantee_name(grantee)}: allow {', '.join(actions)} where the policy of a role of this "
            "account is written, and let others assume that role"
        )
        raise props_error(scope, msg)
    return own


def grant_invoke(scope: "IConstruct", grantee: iam.IGrantable, function: "lambda_.IFunction") -> iam.Grant:
    """Let `grantee` invoke a function; the policy of a function consists of permissions.

    Raises:
        InvalidPropsError: The grantee takes no policy, and a permission cannot name it.
    """
    own = own_policy(scope, grantee, [INVOKE_ACTION], [function.function_arn])
    if own is not None and not is_foreign(grantee, function.env.account):
        return own
    role_arn = getattr(grantee.grant_principal, "role_arn", None)
    permission = function.grant_invoke(iam.ArnPrincipal(role_arn) if role_arn else grantee)
    return permission if own is None else own.combine(permission)


def own_policy(
    scope: "IConstruct",
    grantee: iam.IGrantable,
    actions: Sequence[str],
    arns: Sequence[str],
    conditions: Conditions | None = None,
) -> iam.Grant | None:
    """Extend the policy of the grantee. Return None if it has none that can be extended.

    A role that was imported as immutable, or from another account, reports success and drops the statement.

    Raises:
        InvalidPropsError: It is no grantee, or has no role that is known.
    """
    _require_grantee(scope, grantee)
    principal = grantee.grant_principal
    if isinstance(principal, iam.UnknownPrincipal):
        msg = "grantee must have a known role, because the permission is for that role, got one imported without it"
        raise props_error(scope, msg)
    given = iam.Grant.add_to_principal(
        grantee=grantee, actions=[*actions], resource_arns=[*arns], conditions=conditions
    )
    if not given.principal_statements:
        return None
    node: Node | None = getattr(principal, "node", None)
    if isinstance(principal, iam.Role) or node is None:
        return given
    return given if any(isinstance(found, iam.CfnPolicy) for found in node.find_all()) else None


def _require_grantee(scope: "IConstruct", grantee: object) -> None:
    try:
        check_value("grantee", grantee, iam.IGrantable)
    except InvalidPropsError as error:
        raise props_error(scope, f"{error}: give a role, or the function of a handler") from None


def is_foreign(grantee: iam.IGrantable, account: str, *, if_unknown: bool = True) -> bool:
    """Return whether `grantee` is outside of `account`. A service and an organization are.

    Args:
        grantee: The grantee.
        account: An account.
        if_unknown: What to return when synthesis knows only one of the two accounts. Default: it is outside.
    """
    check_value("grantee", grantee, iam.IGrantable)
    own_account = grantee.grant_principal.principal_account
    if own_account is None:
        return True
    unknown = [not is_known(each) for each in (account, own_account)]
    if any(unknown):
        return if_unknown and not all(unknown)
    return bool(account != own_account)


def grantee_name(grantee: iam.IGrantable) -> str:
    """Return what a reader knows the grantee by."""
    principal = grantee.grant_principal
    node = getattr(principal, "node", None)
    return str(node.path) if node is not None else type(principal).__name__
