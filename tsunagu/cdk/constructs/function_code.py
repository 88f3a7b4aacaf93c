"""Code of a function, as Lambda takes it: a zip file, an image that is built at deployment, or an image in ECR."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import jsii
from aws_cdk import Annotations, Stack, Token
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IValidation

from tsunagu.cdk.assets import HandlerPackage, ImagePackage, Platform, build_asset, build_image
from tsunagu.cdk.constructs.ecr_image import EcrImage
from tsunagu.errors import InvalidPropsError

Package = HandlerPackage | ImagePackage | EcrImage

_IMAGE_PLATFORMS: Mapping[str, ecr_assets.Platform] = {
    "arm64": ecr_assets.Platform.LINUX_ARM64,
    "x86_64": ecr_assets.Platform.LINUX_AMD64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCode:
    """Code of a function.

    Attributes:
        code: The code.
        handler: The handler; for an image `Handler.FROM_IMAGE`, because its command names the handler.
        runtime: The runtime; for an image `Runtime.FROM_IMAGE`.
    """

    code: lambda_.Code
    handler: str
    runtime: lambda_.Runtime

    @property
    def is_image(self) -> bool:
        """Whether it is an image, which has no runtime and no layers."""
        return self.handler == lambda_.Handler.FROM_IMAGE


def function_code(scope: Construct, package: Package, platform: Platform) -> FunctionCode:
    """Return the code of a function. A package is built first, unless the cache has it.

    Args:
        scope: The construct of the function.
        package: The package.
        platform: Python and architecture. An image in ECR is not built, so only the architecture is used.

    Raises:
        AssetError: The package cannot be built.
        InvalidPropsError: The image is in another region than the function.
    """
    if isinstance(package, EcrImage):
        return _existing_image(scope, package, platform)
    if isinstance(package, ImagePackage):
        return _built_image(package, platform)
    asset = build_asset(package, platform)
    return FunctionCode(
        code=lambda_.Code.from_asset(str(asset.path), asset_hash=asset.hash),
        handler=asset.handler,
        runtime=lambda_.Runtime(f"python{platform.python}", lambda_.RuntimeFamily.PYTHON),
    )


def _built_image(package: ImagePackage, platform: Platform) -> FunctionCode:
    asset = build_image(package, platform)
    code = lambda_.Code.from_asset_image(
        str(asset.path),
        cmd=[asset.handler],
        build_args={**asset.build_arguments},
        platform=_IMAGE_PLATFORMS[platform.architecture],
    )
    return _image(code)


def _existing_image(scope: Construct, image: EcrImage, platform: Platform) -> FunctionCode:
    if platform.byte_code:
        msg = "byte_code must be left out with an EcrImage, because the image was built before, got True"
        raise InvalidPropsError(msg)
    account, region = _place(image.repository)
    own_region = Stack.of(scope).region
    if _differ(region, own_region):
        msg = f"repository must be in the function's region, {own_region}, got one in {region}"
        raise InvalidPropsError(msg)
    _annotate(scope, image, account)
    cmd = None if image.handler is None else [image.handler]
    return _image(lambda_.Code.from_ecr_image(image.repository, tag_or_digest=image.tag_or_digest, cmd=cmd))


def _place(repository: ecr.IRepository) -> tuple[str, str]:
    """Return account and region of a repository; its environment is not always that of its ARN."""
    arn = repository.repository_arn
    if Token.is_unresolved(arn):
        return repository.env.account, repository.env.region
    _arn, _partition, _service, region, account, *_name = arn.split(":")
    return account, region


def _differ(one: str, other: str) -> bool:
    """Whether two values are known at synth, and differ."""
    return not Token.is_unresolved(one) and not Token.is_unresolved(other) and one != other


def _annotate(scope: Construct, image: EcrImage, account: str) -> None:
    if image.mutable_tag:
        Annotations.of(scope).add_warning_v2(
            "tsunagu:mutableImageTag",
            f"the tag {image.tag} can move: a push deploys nothing, and a rollback may run other code; use a digest",
        )
    own_account = Stack.of(scope).account
    if _differ(account, own_account):
        Annotations.of(scope).add_info(
            f"the policy of the repository in account {account} must allow ecr:BatchGetImage and "
            f"ecr:GetDownloadUrlForLayer to lambda.amazonaws.com and to account {own_account}, or the function is not "
            "created"
        )


def _image(code: lambda_.Code) -> FunctionCode:
    return FunctionCode(code=code, handler=lambda_.Handler.FROM_IMAGE, runtime=lambda_.Runtime.FROM_IMAGE)


@jsii.implements(IValidation)
class NoLayers:
    """Refuses layers of an image function at synth: Lambda would refuse them at deployment.

    Args:
        function: The function.
    """

    def __init__(self, function: lambda_.Function) -> None:
        self._resource = cast("lambda_.CfnFunction", function.node.default_child)

    def validate(self) -> list[str]:
        """Return the errors."""
        layers = Stack.of(self._resource).resolve(self._resource.layers)
        if not layers:
            return []
        return [f"an image function must have no layers: install them in its Dockerfile, got {len(layers)}"]
