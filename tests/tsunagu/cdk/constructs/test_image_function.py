"""Functions of container images: built from a package, or in ECR already."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Match
from cdk_nag import AwsSolutionsChecks

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import properties
from tsunagu.cdk.assets import HandlerPackage, ImagePackage, Platform
from tsunagu.cdk.constructs.ecr_image import EcrImage
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps
from tsunagu.errors import AssetError, InvalidPropsError

FUNCTION = "AWS::Lambda::Function"
DIGEST = f"sha256:{'0' * 64}"
DOCKERFILE = f"""\
FROM acme.example/lambda/python:3.13@{DIGEST}
COPY task/ .
CMD ["invoices.handler.handler"]
"""


@pytest.fixture
def image(package: HandlerPackage) -> ImagePackage:
    (package.folder / "Dockerfile").write_text(DOCKERFILE)
    return ImagePackage(path=package.path)


@pytest.fixture
def repository(stack: Stack) -> ecr.IRepository:
    return ecr.Repository.from_repository_name(stack, "Repository", "acme/invoices")


def function(stack: Stack, package: Any, **settings: Any) -> HandlerFunction:
    props = HandlerFunctionProps(package=package, timeout=Duration.seconds(5), **settings)
    return HandlerFunction(stack, "Invoices", props)


def published(stack: Stack) -> dict[str, Any]:
    """What the deployment builds: the only image of the assembly's manifest."""
    assembly = Path(App.of(stack).synth().directory)  # type: ignore[union-attr]
    images = json.loads((assembly / f"{stack.artifact_id}.assets.json").read_text())["dockerImages"]
    [image] = images.values()
    assert (assembly / image["source"]["directory"] / "Dockerfile").read_text() == DOCKERFILE
    return {"tags": [*images], **image["source"]}


def test_image_has_a_command_and_neither_runtime_nor_handler(stack: Stack, image: ImagePackage) -> None:
    function(stack, image)

    found = properties(stack, FUNCTION)
    assert found["PackageType"] == "Image"
    assert found["ImageConfig"] == {"Command": ["invoices.handler.handler"]}
    assert found["Architectures"] == ["arm64"]
    assert not found.keys() & {"Runtime", "Handler", "Layers"}


@pytest.mark.parametrize(("architecture", "platform"), [("arm64", "linux/arm64"), ("x86_64", "linux/amd64")])
def test_image_is_built_for_the_platform(stack: Stack, image: ImagePackage, architecture: Any, platform: str) -> None:
    function(stack, image, platform=Platform(architecture=architecture))

    source = published(stack)
    assert source["platform"] == platform
    assert source["dockerBuildArgs"] == {"PYTHON": "3.13"}


def test_tag_of_the_image_is_the_same_on_every_machine(
    app_context: dict[str, Any], image: ImagePackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = []
    for place in ("here", "there"):
        monkeypatch.setenv("TSUNAGU_CACHE_DIR", str(tmp_path / place))
        stack = Stack(new_app(context=app_context, outdir=str(tmp_path / place / "out")), "Stack")
        function(stack, image)
        tags.append(published(stack)["tags"])

    assert tags[0] == tags[1]


def test_function_keeps_its_logical_ids_as_an_image(
    stack: Stack, app_context: dict[str, Any], image: ImagePackage, package: HandlerPackage
) -> None:
    function(stack, image)
    zipped = Stack(new_app(context=app_context), "Stack")
    function(zipped, package)

    assert ids(stack) == ids(zipped)


def ids(stack: Stack) -> set[str]:
    return {*App.of(stack).synth().get_stack_by_name("Stack").template["Resources"]}  # type: ignore[union-attr]


def test_rules_about_runtimes_find_nothing(stack: Stack, image: ImagePackage) -> None:
    function(stack, image)

    assert AwsSolutionsChecks(stack).validate_scope(stack).success


def test_layer_of_an_image_is_refused(stack: Stack, image: ImagePackage) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:tools:1"
    layer = lambda_.LayerVersion.from_layer_version_arn(stack, "Layer", arn)
    function(stack, image).function.add_layers(layer)

    with pytest.raises(RuntimeError, match="an image function must have no layers: install them in its Dockerfile"):
        App.of(stack).synth()  # type: ignore[union-attr]


def test_error_of_a_dockerfile_names_the_construct(stack: Stack, image: ImagePackage) -> None:
    image.dockerfile_path.unlink()

    with pytest.raises(AssetError, match=r"^Stack/Invoices: an image package must have a Dockerfile"):
        function(stack, image)


def test_image_in_ecr_is_run_by_its_digest(stack: Stack, repository: ecr.IRepository) -> None:
    function(stack, EcrImage(repository=repository, digest=DIGEST, handler="invoices.handler.handler"))

    found = properties(stack, FUNCTION)
    assert json.dumps(found["Code"]["ImageUri"]).endswith(f'/acme/invoices@{DIGEST}"]]}}')
    assert found["ImageConfig"] == {"Command": ["invoices.handler.handler"]}
    assert "Runtime" not in found
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_image_in_ecr_runs_its_own_command_by_default(stack: Stack, repository: ecr.IRepository) -> None:
    function(stack, EcrImage(repository=repository, digest=DIGEST), platform=Platform(architecture="x86_64"))

    found = properties(stack, FUNCTION)
    assert "ImageConfig" not in found
    assert found["Architectures"] == ["x86_64"]


@pytest.mark.parametrize(("mutable", "warnings"), [(True, 1), (False, 0)])
def test_tag_that_can_move_is_told_at_synth(
    stack: Stack, repository: ecr.IRepository, mutable: bool, warnings: int
) -> None:
    function(stack, EcrImage(repository=repository, tag="v1", mutable_tag=mutable))

    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("the tag v1 can move"))
    assert len(found) == warnings
    assert json.dumps(properties(stack, FUNCTION)["Code"]["ImageUri"]).endswith('/acme/invoices:v1"]]}')


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "digest or tag must be given, and a digest is better because it never moves, got neither"),
        (
            {"digest": DIGEST, "tag": "v1"},
            "digest or tag must be given, and a digest is better because it never moves, got both",
        ),
        ({"digest": "latest"}, "digest must be sha256: and 64 hex digits, got 'latest'"),
        ({"tag": "a:b", "mutable_tag": True}, "tag must be a tag of ECR, without a colon, got 'a:b'"),
        (
            {"tag": "v1"},
            (
                "mutable_tag must be given with a tag: False if the repository has immutable tags, True if a push can "
                "move the tag, got none"
            ),
        ),
        (
            {"digest": DIGEST, "mutable_tag": False},
            (
                "mutable_tag must be given with a tag: False if the repository has immutable tags, True if a push can "
                "move the tag, got one without a tag"
            ),
        ),
        (
            {"digest": DIGEST, "handler": "handler"},
            "handler must be a dotted name, such as 'invoices.handler.handler', got 'handler'",
        ),
    ],
)
def test_image_that_is_not_named_well_is_refused(
    repository: ecr.IRepository, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        EcrImage(repository=repository, **settings)

    assert str(refusal.value) == sentence


def test_byte_code_of_an_image_in_ecr_is_refused(stack: Stack, repository: ecr.IRepository) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Invoices: byte_code must be left out with an EcrImage"):
        function(stack, EcrImage(repository=repository, digest=DIGEST), platform=Platform(byte_code=True))


def test_image_of_another_region_is_refused_and_of_another_account_is_told(app_context: dict[str, Any]) -> None:
    app = new_app(context=app_context)
    stack = Stack(app, "Stack", env=Environment(account="111111111111", region="eu-west-1"))

    def at(place: str) -> EcrImage:
        arn = f"arn:aws:ecr:{place}:repository/acme/invoices"
        made = ecr.Repository.from_repository_attributes(
            stack, place, repository_arn=arn, repository_name="acme/invoices"
        )
        return EcrImage(repository=made, digest=DIGEST)

    with pytest.raises(InvalidPropsError, match=r"must be in the function's region, eu-west-1, got one in us-east-1"):
        HandlerFunction(
            stack, "Far", HandlerFunctionProps(package=at("us-east-1:111111111111"), timeout=Duration.seconds(5))
        )
    function(stack, at("eu-west-1:222222222222"))
    text = Match.string_like_regexp("the policy of the repository in account 222222222222 must allow ecr:BatchGetImage")
    Annotations.from_stack(stack).has_info("/Stack/Invoices", text)
