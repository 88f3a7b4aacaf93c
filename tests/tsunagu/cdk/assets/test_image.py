"""Build contexts of images: what is in them, and which Dockerfiles are refused."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from cdk_app.handler_packages import image_package
from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import (
    PYTHONS,
    Architecture,
    HandlerPackage,
    ImagePackage,
    Platform,
    build_asset,
    build_image,
)
from tsunagu.errors import AssetError

BASE = "acme.example/lambda/python:3.13.2025.12.15.13"
DIGEST = f"sha256:{'0' * 64}"
DOCKERFILE = f"""\
FROM {BASE} AS build
WORKDIR /build
COPY task/ task/
RUN python -m compileall -q task
FROM {BASE}
COPY --from=build /build/task/ ${{LAMBDA_TASK_ROOT}}/
CMD ["invoices.handler.handler"]
"""
CHOSEN = f"""\
ARG PYTHON=3.13
FROM acme.example/mirror/lambda/python:3.12@{DIGEST} AS python3.12
FROM acme.example/mirror/lambda/python:latest AS python3.13
FROM python${{PYTHON}}
COPY task/ .
CMD ["invoices.handler.handler"]
"""
LOCKED = f"itsdangerous==2.2.0 --hash={DIGEST}\n"
IMAGES = {
    "exact tag": f"FROM {BASE}",
    "digest": f"FROM acme.example/lambda/python:3.13@{DIGEST}",
    "copy in a registry of one's own": f"FROM localhost:5000/aws/lambda/python:3.13-arm64@{DIGEST}",
    "tag of the architecture": f"FROM {BASE}-arm64",
    "platform of the build": f"FROM --platform=$TARGETPLATFORM {BASE}",
    "platform": f"FROM --platform=linux/arm64 {BASE}",
}


@pytest.fixture
def invoices(make_package: PackageMaker) -> Path:
    return make_package(files={"Dockerfile": DOCKERFILE})


def context(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def refusal(folder: Path, dockerfile: str, platform: Platform | None = None) -> str:
    (folder / "Dockerfile").write_text(dockerfile)
    with pytest.raises(AssetError) as error:
        build_image(ImagePackage(path=folder), platform or Platform())
    return str(error.value).replace(f"{folder}/", "")


def test_context_is_the_dockerfile_the_lock_and_the_task_root_of_the_zip(invoices: Path) -> None:
    image = build_image(ImagePackage(path=invoices), Platform())

    with zipfile.ZipFile(build_asset(HandlerPackage(path=invoices), Platform()).path) as archive:
        task = {f"task/{name}": archive.read(name) for name in archive.namelist()}
    assert context(image.path) == {"Dockerfile": DOCKERFILE.encode(), "requirements.txt": b"", **task}
    assert image.handler == "invoices.handler.handler"
    assert image.build_arguments == {"PYTHON": "3.13"}


def test_dockerfile_is_in_no_zip_and_moves_no_hash_of_one(invoices: Path) -> None:
    before = build_asset(HandlerPackage(path=invoices), Platform()).hash
    (invoices / "Dockerfile").write_text("FROM elsewhere")
    (invoices / "Dockerfile.gpu").write_text("FROM elsewhere")

    assert build_asset(HandlerPackage(path=invoices), Platform()).hash == before


def test_lock_in_the_context_is_what_is_pinned_without_comments(
    invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsunagu.cdk.assets.build.dependency_files", lambda *_: {"itsdangerous/__init__.py": b""})
    (invoices / "requirements.txt").write_text(f"# made by hand\n{LOCKED}")
    copy, install = "COPY requirements.txt .\n", "RUN pip install --require-hashes -t packages -r requirements.txt\n"
    (invoices / "Dockerfile").write_text(DOCKERFILE.replace("COPY task/", f"{copy}{install}COPY task/"))

    image = build_image(ImagePackage(path=invoices), Platform())

    assert context(image.path)["requirements.txt"] == LOCKED.encode()
    assert not [name for name in context(image.path) if "itsdangerous" in name]


def test_hash_and_context_do_not_depend_on_place_time_or_modes(
    invoices: Path, make_package: PackageMaker, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_image(ImagePackage(path=invoices), Platform())
    there = make_package("elsewhere/invoices", {"Dockerfile": DOCKERFILE})
    for path in there.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)  # whether a file can be executed is part of the asset
        os.utime(path, (1, 1))
    monkeypatch.setenv("TSUNAGU_CACHE_DIR", str(cache / "other"))
    old = os.umask(0o077)
    try:
        second = build_image(ImagePackage(path=there), Platform())
    finally:
        os.umask(old)

    assert second.hash == first.hash
    assert context(second.path) == context(first.path)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in second.path.rglob("*")}
    assert modes == {0o644, 0o755}  # Lambda runs as another user than the one that builds


@pytest.mark.parametrize("name", ["handler.py", "Dockerfile", "rates.json"])
def test_hash_changes_with_what_is_in_the_context(invoices: Path, name: str) -> None:
    before = build_image(ImagePackage(path=invoices), Platform()).hash

    with (invoices / name).open("a") as file:
        file.write("# more\n")

    assert build_image(ImagePackage(path=invoices), Platform()).hash != before


def test_context_that_was_changed_is_written_again(invoices: Path) -> None:
    package = ImagePackage(path=invoices)
    image = build_image(package, Platform())
    (image.path / "task" / "invoices" / "handler.py").write_text("changed")
    (image.path / "more").write_text("more")

    again = build_image(package, Platform())

    assert again == image
    assert "more" not in context(again.path)
    assert context(again.path)["task/invoices/handler.py"] == (invoices / "handler.py").read_bytes()


def test_imports_are_checked_as_for_a_zip(invoices: Path) -> None:
    (invoices / "handler.py").write_text("import itsdangerous\ndef handler(event, context): ...\n")

    with pytest.raises(AssetError, match=r"handler.py:1 imports itsdangerous"):
        build_image(ImagePackage(path=invoices), Platform())


def test_lock_without_hashes_is_refused_as_for_a_zip(invoices: Path) -> None:
    (invoices / "requirements.txt").write_text("itsdangerous==2.2.0\n")

    with pytest.raises(AssetError, match="line 1 must be 'name==version --hash=sha256"):
        build_image(ImagePackage(path=invoices), Platform())


def test_other_dockerfile_beside_the_handler_can_be_named(invoices: Path) -> None:
    (invoices / "Dockerfile").rename(invoices / "Dockerfile.slim")

    image = build_image(ImagePackage(path=invoices, dockerfile="Dockerfile.slim"), Platform())

    assert (image.path / "Dockerfile").read_text() == DOCKERFILE


def test_missing_dockerfile_is_refused(make_package: PackageMaker) -> None:
    folder = make_package()

    sentence = f"an image package must have a Dockerfile beside its handler, got no file {folder}/Dockerfile"
    with pytest.raises(AssetError) as error:
        build_image(ImagePackage(path=folder), Platform())
    assert str(error.value) == sentence


@pytest.mark.parametrize("start", IMAGES.values(), ids=IMAGES)
def test_pinned_image_of_the_platform_is_accepted(invoices: Path, start: str) -> None:
    (invoices / "Dockerfile").write_text(DOCKERFILE.replace(f"FROM {BASE}\n", f"{start}\n"))

    assert build_image(ImagePackage(path=invoices), Platform()).hash


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("acme.example/lambda/python:3.13", "must pin its image by a digest (name:tag@sha256:...) or by the tag of"),
        ("acme.example/lambda/python", "must pin its image"),
        ("acme.example/lambda/python:latest", "must pin its image"),
        ("acme.example:443/lambda/python", "must pin its image"),
        ("acme.example/lambda/python:3.13@sha256:12", "must pin its image"),
        (f"acme.example/lambda/python@{DIGEST}", "whose tag begins with 3.13, got acme.example/lambda/python@sha"),
        (f"acme.example/lambda/python:3.12@{DIGEST}", "must start from an image with the platform's Python"),
        (f"acme.example/lambda/python:3.130@{DIGEST}", "must start from an image with the platform's Python"),
        (f"{BASE}-x86_64", "must be for the platform's architecture, arm64, got x86_64"),
        (f"--platform=linux/amd64 {BASE}", "must be for the platform's architecture, arm64, got amd64"),
        ("$IMAGE", "ARG before the first FROM must give each variable a value, got $IMAGE"),
        (f"amazonlinux@{DIGEST}", "must end in a stage from an image of Python, such as AWS's lambda/python"),
        (f"python:3.13@{DIGEST}", "must have an ENTRYPOINT that runs awslambdaric, or start from AWS's image"),
    ],
)
def test_other_base_image_is_refused(invoices: Path, name: str, reason: str) -> None:
    assert reason in refusal(invoices, DOCKERFILE.replace(f"FROM {BASE}\n", f"FROM {name}\n"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("FROM", "LABEL", "Dockerfile must have a stage, got no FROM"),
        (f"FROM {BASE} AS", "FROM debian:12 AS", "FROM in Dockerfile:1 must pin its image by a digest"),
        ("WORKDIR /build", "COPY --from=acme/uv:latest /uv /uv", "COPY in Dockerfile:2 must pin its image by a digest"),
        ("COPY task/", "COPY src/", "COPY in Dockerfile:3 must copy what the build context holds: task/ (the code"),
        (
            "COPY task/ task/",
            "COPY requirements.txt .",
            "Dockerfile must COPY task, which the build context holds, got",
        ),
        ("COPY task/", "ADD task/", "ADD in Dockerfile:3 must be COPY, because ADD can download what no lock pins"),
        (
            "WORKDIR /build",
            "RUN pip install \\\n  itsdangerous",
            "RUN in Dockerfile:2 must install with --require-hashes, so that only what is locked gets in, got none",
        ),
        ("WORKDIR /build", "RUN <<END\npip install x\nEND", "RUN in Dockerfile:2 must install with --require-hashes"),
        ("CMD", "LABEL", 'Dockerfile must name its handler, CMD ["invoices.handler.handler"], got no CMD'),
        ('["invoices.handler.handler"]', "invoices.handler.handler", "CMD in Dockerfile:7 must name a function of the"),
        (
            "invoices.handler.handler",
            "orders.handler.handler",
            "CMD in Dockerfile:7 must name a function of the handler",
        ),
        ("handler.handler", "handler.main", "CMD in Dockerfile:7: handler 'handler.main' needs a function 'main'"),
        (
            "handler.handler",
            "app.handler",
            "CMD in Dockerfile:7: handler 'app.handler' needs the module app.py, got no",
        ),
        ("CMD", 'ENTRYPOINT ["python"]\nCMD', "ENTRYPOINT in Dockerfile:7 must be left out: AWS's image starts"),
    ],
)
def test_dockerfile_that_breaks_a_rule_is_refused(invoices: Path, old: str, new: str, sentence: str) -> None:
    assert refusal(invoices, DOCKERFILE.replace(old, new)).startswith(sentence)


def test_lock_must_be_installed(invoices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsunagu.cdk.assets.build.dependency_files", lambda *_: {"itsdangerous/__init__.py": b""})
    (invoices / "requirements.txt").write_text(LOCKED)

    copied = DOCKERFILE.replace("COPY task/", "COPY requirements.txt .\nCOPY task/")

    assert refusal(invoices, DOCKERFILE).startswith("Dockerfile must COPY requirements.txt, which the build context")
    assert refusal(invoices, copied).startswith("Dockerfile must install requirements.txt with pip install --require-")


def test_byte_code_of_the_platform_must_be_compiled(invoices: Path) -> None:
    platform = Platform(byte_code=True)  # in any Python: the Dockerfile compiles

    assert build_image(ImagePackage(path=invoices), platform).hash
    assert refusal(invoices, DOCKERFILE.replace("compileall", "venv"), platform).startswith(
        "Dockerfile must RUN python -m compileall, because the platform has byte_code"
    )


def test_platform_chooses_the_python_and_only_stages_that_are_built_count(invoices: Path) -> None:
    (invoices / "Dockerfile").write_text(CHOSEN)

    assert build_image(ImagePackage(path=invoices), Platform(python="3.12")).hash
    assert "FROM in Dockerfile:3 must pin its image" in refusal(invoices, CHOSEN)


def test_other_image_of_python_runs_the_runtime_client(invoices: Path) -> None:
    entry = 'ENTRYPOINT ["python", "-m", "awslambdaric"]\nCMD'
    (invoices / "Dockerfile").write_text(
        DOCKERFILE.replace(f"FROM {BASE}\n", f"FROM python:3.13.9-slim@{DIGEST}\n").replace("CMD", entry)
    )

    assert build_image(ImagePackage(path=invoices), Platform()).hash


def test_one_dockerfile_serves_several_handlers(invoices: Path) -> None:
    (invoices / "queue.py").write_text("def handler(event, context): ...\n")

    first = build_image(ImagePackage(path=invoices), Platform())
    second = build_image(ImagePackage(path=invoices, handler="queue.handler"), Platform())

    assert second.path == first.path
    assert second.handler == "invoices.queue.handler"


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("python", PYTHONS)
def test_dockerfile_of_the_sample_is_accepted_for_every_platform(
    python: str, architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsunagu.cdk.assets.build.dependency_files", lambda *_: {})
    monkeypatch.setattr("tsunagu.cdk.assets.build.missing_imports", lambda *_: [])
    platform = Platform(python=python, architecture=architecture, byte_code=True)

    assert build_image(image_package("order_api"), platform).handler == "lambdas.order_api.handler.handler"
