"""SnapStart: sandboxes start from a snapshot of a published version, which everything invokes by one alias.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

import json
from typing import Any, cast

import jsii
from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IValidation

from tsunagu.cdk.assets import ImagePackage, Platform
from tsunagu.cdk.constructs.ecr_image import EcrImage
from tsunagu.cdk.constructs.function_code import Package
from tsunagu.cdk.props import is_known
from tsunagu.contracts.flows import LIVE_ALIAS
from tsunagu.errors import InvalidPropsError

LEAST_PYTHON = (3, 12)
LARGEST_STORAGE_MIB = 512
LATEST = "$LATEST"


def check_snap_start(package: Package, platform: Platform) -> None:
    """Refuse functions that cannot start from a snapshot.

    Raises:
        InvalidPropsError: The package is an image, or the Python is too old.
    """
    if isinstance(package, ImagePackage | EcrImage):
        msg = (
            "package must be a HandlerPackage with snap_start, because the base of an image need not run the hooks "
            f"that make a restored sandbox unique, got {type(package).__name__}"
        )
        raise InvalidPropsError(msg)
    if platform.version < LEAST_PYTHON:
        msg = f"platform must have Python 3.12 or later with snap_start, got {platform.python}"
        raise InvalidPropsError(msg)


def start_from_snapshots(scope: Construct, function: lambda_.Function) -> lambda_.Alias:
    """Let sandboxes of a function start from snapshots, and return the alias by which it is then invoked.

    Each change of the code or the configuration publishes a version, and deletes the one before when the alias has
    moved: AWS charges for the snapshot of each version that exists.

    Args:
        scope: Scope of the alias.
        function: The function. What is added to its environment later is part of the version too.
    """
    resource = cast("lambda_.CfnFunction", function.node.default_child)
    resource.snap_start = lambda_.CfnFunction.SnapStartProperty(apply_on="PublishedVersions")
    function.node.add_validation(_SnapStartLimits(resource))
    return lambda_.Alias(scope, "Alias", alias_name=LIVE_ALIAS, version=function.current_version)


def publish_with(function: lambda_.Function, *values: object) -> None:
    """Publish a version when one of these values changes, too: each replaces a resource that the function uses.

    A resource that is replaced keeps its place in the template, so that the text of the environment stays the same.

    Args:
        function: A function that starts from snapshots.
        values: The values. One that only the deployment knows is left out.
    """
    function.invalidate_version_based_on(json.dumps([each for each in values if is_known(each)]))


def invoked_name(target: lambda_.IFunction) -> str:
    """Return what an event source mapping names: the ARN of an alias, which includes the function, or its name."""
    return target.function_arn if isinstance(target, lambda_.Alias) else target.function_name


def qualifier_of(target: lambda_.IFunction) -> tuple[str, str]:
    """Return the name of a function without a qualifier, and the qualifier by which it is invoked."""
    if isinstance(target, lambda_.Alias):
        return target.version.lambda_.function_name, target.alias_name
    return target.function_name, LATEST


def call_when_allowed(scope: Construct, caller: Construct, target: lambda_.IFunction) -> None:
    """Let an HTTP API call an alias only when its permissions exist: without order, its first calls could be refused.

    A stack that is created has no callers yet. One that turns `snap_start` on has. The permissions of a REST API name
    its stage, which cannot wait for them.

    Args:
        scope: Scope below which the permissions are.
        caller: What calls the alias: an integration.
        target: What is called. Nothing is done for a function without an alias.
    """
    if isinstance(target, lambda_.Alias):
        for each in scope.node.find_all():
            if isinstance(each, lambda_.CfnPermission):
                caller.node.add_dependency(each)


@jsii.implements(IValidation)
class _SnapStartLimits:
    """Refuses at synth what an app sets on the resource itself, and what SnapStart does not have."""

    def __init__(self, function: lambda_.CfnFunction) -> None:
        self._function = function

    def validate(self) -> list[str]:
        """Return the errors."""
        stack = Stack.of(self._function)
        storage: Any = stack.resolve(self._function.ephemeral_storage) or {}
        size = storage.get("size", LARGEST_STORAGE_MIB)
        errors = []
        if is_known(size) and isinstance(size, int) and size > LARGEST_STORAGE_MIB:
            errors.append(f"ephemeral storage must be at most {LARGEST_STORAGE_MIB} MiB with snap_start, got {size:,}")
        if stack.resolve(self._function.file_system_configs):
            errors.append("a function must have no file system (EFS) with snap_start, got one")
        return errors
