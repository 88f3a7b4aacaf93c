"""Checks the images that a Dockerfile starts from: each is pinned, with the Python and architecture of the platform."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tsunagu.cdk.assets.platform import Platform
from tsunagu.dockerfiles import Stage
from tsunagu.errors import AssetError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_EXACT_TAG = re.compile(r"v?\d+\.\d+\.\d+([.-].+)?")  # names one build: `3.13.2025.12.15.13`, but not `3.13`
_ARCHITECTURE = re.compile(r"-(arm64|aarch64|x86_64|amd64)$")
_MACHINES = {"arm64": "arm64", "aarch64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}
# https://docs.aws.amazon.com/lambda/latest/dg/python-image.html (a copy elsewhere ends in the same words)
_LAMBDA_REPOSITORY = "lambda/python"
_EMPTY = "scratch"


@dataclass(frozen=True, slots=True)
class BaseImage:
    """Name of an image: `repository:tag@digest`.

    Attributes:
        repository: Registry and repository.
        tag: The tag, or an empty string.
        digest: The digest, or an empty string.
    """

    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, name: str) -> "BaseImage":
        """Split the name of an image."""
        named, _, digest = name.partition("@")
        head, colon, tag = named.rpartition(":")
        if not colon or "/" in tag:  # the colon is that of a port
            return cls(named, "", digest)
        return cls(head, tag, digest)

    @property
    def is_pinned(self) -> bool:
        """Whether the name means one image for ever."""
        return bool(_DIGEST.fullmatch(self.digest)) if self.digest else bool(_EXACT_TAG.fullmatch(self.tag))

    @property
    def is_of_lambda(self) -> bool:
        """Whether it is AWS's image of Python for Lambda, whose entry point runs the handler that `CMD` names."""
        return f"/{self.repository}".endswith(f"/{_LAMBDA_REPOSITORY}")

    @property
    def has_python(self) -> bool:
        """Whether its tag names a version of Python."""
        return self.repository.rpartition("/")[2] == "python"


def check_base(name: str, place: str, stage: Stage | None, platform: Platform) -> BaseImage:
    """Check an image that a Dockerfile starts from, or copies from.

    Args:
        name: Name of the image.
        place: File and line, for errors.
        stage: The stage that starts from it. None when files are copied from it.
        platform: Platform of the function.

    Raises:
        AssetError: The image is not pinned, or is for another Python or architecture.
    """
    image = BaseImage.parse(name)
    if "$" in name:
        msg = f"{place} must name an image, and ARG before the first FROM must give each variable a value, got {name}"
        raise AssetError(msg)
    if name == _EMPTY:
        return image
    if not image.is_pinned:
        msg = (
            f"{place} must pin its image by a digest (name:tag@sha256:...) or by the tag of one build "
            f"(such as {platform.python}.2025.12.15.13), because another image may get the same tag later, got {name}"
        )
        raise AssetError(msg)
    if stage is not None:
        _check_architecture(image, place, stage.start.options, platform)
        if image.has_python:
            _check_python(image, name, place, platform)
    return image


def _check_python(image: BaseImage, name: str, place: str, platform: Platform) -> None:
    if not re.match(rf"{re.escape(platform.python)}(\D|$)", image.tag):
        msg = (
            f"{place} must start from an image with the platform's Python, whose tag begins with {platform.python}, "
            f"got {name}"
        )
        raise AssetError(msg)


def _check_architecture(image: BaseImage, place: str, options: Mapping[str, str], platform: Platform) -> None:
    tagged = _ARCHITECTURE.search(image.tag)
    chosen = options.get("platform", "")
    found = {tagged[1]} if tagged else set()
    if chosen and "$" not in chosen:
        found.add(chosen.split("/")[1] if "/" in chosen else chosen)
    for each in found:
        if _MACHINES.get(each, each) != platform.architecture:
            msg = f"{place} must be for the platform's architecture, {platform.architecture}, got {each}"
            raise AssetError(msg)
