"""Lets a service of AWS act with a role: checks that the role trusts the service, and what the role allows.

ministack has no sessions of services. A role that does not trust the service, or lacks a permission, is refused here as
AWS refuses it.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .ministack_modules import iam, iam_evaluator, lambda_runtime, responses

ALLOW = "Allow"


class RoleDeniedError(Exception):
    """The service may not assume the role, or the role does not allow the action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRole:
    """A role that a service assumes for one of the account's resources.

    Attributes:
        arn: ARN of the role.
        service: Principal of the service, for example `pipes.amazonaws.com`.
        source_arn: ARN of the resource that the service acts for.
        enforced: Whether IAM is enforced. Otherwise everything is allowed.
    """

    arn: str
    service: str
    source_arn: str
    enforced: bool

    def check(self, action: str, resource_arn: str, keys: Mapping[str, Any] | None = None) -> None:
        """Check one action on one resource against the policies of the role and its permissions boundary.

        Args:
            action: Action of IAM.
            resource_arn: Resource of the action.
            keys: Condition keys of the service, in lower case. Default: none.

        Raises:
            RoleDeniedError: The role does not trust the service, or does not allow the action.
        """
        if not self.enforced:
            return
        self._check_trust()
        context = self._context(action, resource_arn, keys or {})
        policies = iam_evaluator._gather_role_policies(self._name, self._account)
        boundaries = iam_evaluator._permissions_boundary(iam._roles, self._name, self._account)
        if iam_evaluator.evaluate(context, policies, *boundaries).decision != ALLOW:
            msg = f"User: {self.arn} is not authorized to perform: {action} on resource: {resource_arn}"
            raise RoleDeniedError(msg)

    def credentials(self, session_name: str) -> dict[str, str]:
        """Return the environment variables of a session of the role.

        Raises:
            RoleDeniedError: The role does not trust the service.
        """
        if self.enforced:
            self._check_trust()
        config = {"Role": self.arn, "FunctionArn": self._session_scope, "FunctionName": session_name}
        credentials: dict[str, str] = lambda_runtime.execution_credentials(config)
        return credentials

    @property
    def _name(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def _account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def _session_scope(self) -> str:
        # ministack takes the account of the session from an ARN of a function.
        return f"arn:aws:lambda:{responses.get_region()}:{self._account}:function:{self.service}"

    def _check_trust(self) -> None:
        role = iam._roles.get_scoped(self._account, None, self._name) or {}
        document = role.get("AssumeRolePolicyDocument") or {}
        parsed = json.loads(document) if isinstance(document, str) else document
        named = {**parsed, "Statement": [entry for entry in _statements(parsed) if self._names_service(entry)]}
        # For ministack the root user stands for every service. Only statements that name this service are left.
        root = f"arn:aws:iam::{self._account}:root"
        if not iam_evaluator.evaluate_trust_policy(named, root, self._context("sts:AssumeRole", self.arn, {})):
            msg = f"{self.service} is not authorized to assume the role {self.arn}"
            raise RoleDeniedError(msg)

    def _names_service(self, statement: dict[str, Any]) -> bool:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        return self.service in ([services] if isinstance(services, str) else services)

    def _context(self, action: str, resource_arn: str, keys: Mapping[str, Any]) -> Any:
        return iam_evaluator.EvalContext(
            principal_arn=self.arn,
            principal_type="AssumedRole",
            principal_account=self._account,
            action=action,
            resource_arn=resource_arn,
            region=responses.get_region(),
            service_context={"aws:sourcearn": self.source_arn, "aws:sourceaccount": self._account, **keys},
        )


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, dict) else found
