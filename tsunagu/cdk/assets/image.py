"""Builds the build context of a container image from a handler package. Docker is not needed for it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tsunagu.cache import cache_directory
from tsunagu.cdk.assets.build import checked_sources
from tsunagu.cdk.assets.dependencies import read_lock
from tsunagu.cdk.assets.dockerfile_rules import LOCK, TASK, CheckedDockerfile
from tsunagu.cdk.assets.files import Executable, Files, digest
from tsunagu.cdk.assets.package import HandlerPackage
from tsunagu.cdk.assets.platform import Platform
from tsunagu.errors import AssetError

_DOCKERFILE = "Dockerfile"
_PYTHON = "PYTHON"  # an argument of the Dockerfile
_LAYOUT = "tsunagu image 1"  # increase the number when the same files must become another build context
_READABLE_BY_ALL, _FOLDER = 0o644, 0o755  # COPY keeps modes, and Lambda runs as a user of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePackage(HandlerPackage):
    """A handler package that is deployed as a container image instead of a zip file.

    The Dockerfile is in the folder of the package. Its build context is written at synth, and holds:

    - `task/`: the code, as it is in the task root of the zip file: handler package, what it includes, the runtime,
    - `requirements.txt`: the requirements of the lock, with hashes; an empty file when there are none.

    The Dockerfile must pin its base images, install the lock with `--require-hashes`, and name the handler in `CMD`.
    If it declares `ARG PYTHON` before its first stage, it gets the platform's Python, such as `3.13`.

    Attributes:
        dockerfile: Name of the Dockerfile in the folder. Default: `Dockerfile`.
    """

    dockerfile: str = _DOCKERFILE

    @property
    def dockerfile_path(self) -> Path:
        """Absolute path of the Dockerfile.

        Raises:
            AssetError: There is no such file.
        """
        path = self.folder / self.dockerfile
        if not path.is_file():
            msg = f"an image package must have a Dockerfile beside its handler, got no file {path}"
            raise AssetError(msg)
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAsset:
    """A build context from which Docker builds an image that Lambda can run.

    Attributes:
        path: Folder of the build context, in the cache. The Dockerfile in it has the name `Dockerfile`.
        hash: SHA-256, in hex, of its contents and the platform. The same code, lock and Dockerfile have the same hash
            on every machine.
        handler: The function's handler, such as `invoices.handler.handler`.
        build_arguments: Values for `ARG`.
    """

    path: Path
    hash: str
    handler: str
    build_arguments: Mapping[str, str] = field(default_factory=dict)


def build_image(package: ImagePackage, platform: Platform) -> ImageAsset:
    """Write the build context of an image, with the Dockerfile checked.

    Needs no Docker. Needs the network only for dependencies that are not in the cache yet: imports are checked against
    them.

    Raises:
        AssetError: As `build_asset`, or the Dockerfile is missing or breaks a rule. An image may be larger than a zip
            file.
    """
    dockerfile = package.dockerfile_path
    code, _ = checked_sources(package, platform)
    lock = package.requirements_path()
    requirements = read_lock(lock) if lock else []
    context = {
        _DOCKERFILE: dockerfile.read_bytes(),
        LOCK: "".join(f"{requirement}\n" for requirement in requirements).encode(),
        **{f"{TASK}/{name}": content for name, content in code.items()},
    }
    build_arguments = {_PYTHON: platform.python}
    CheckedDockerfile(
        path=dockerfile,
        text=dockerfile.read_text(encoding="utf-8"),
        package=package,
        context=context,
        is_locked=bool(requirements),
        platform=platform,
        build_arguments=build_arguments,
    ).check()
    context_hash = digest(context, _LAYOUT, platform.python, platform.architecture)
    return ImageAsset(
        path=_written(context, cache_directory() / "images" / context_hash),
        hash=context_hash,
        handler=f"{package.import_name}.{package.handler}",
        build_arguments=build_arguments,
    )


def _written(context: Files, folder: Path) -> Path:
    """Write the files to a folder, unless it holds them unchanged. Another process may do so at the same time."""
    if _read(folder) == context:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as place:
        partial = Path(place, "context")
        for name, content in context.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for path in (partial, *partial.rglob("*")):
            executable = isinstance(context.get(path.relative_to(partial).as_posix()), Executable)
            path.chmod(_FOLDER if path.is_dir() or executable else _READABLE_BY_ALL)
        try:
            if folder.exists():
                folder.rename(Path(place, "changed"))
            partial.rename(folder)
        except OSError:  # another process was first
            if _read(folder) != context:
                raise
    return folder


def _read(folder: Path) -> Files:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
