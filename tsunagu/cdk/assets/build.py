"""Builds the zip file of a function from its handler package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsunagu.cdk.assets.archive import is_whole, write_archive
from tsunagu.cdk.assets.builds import build_id, known_hash, remember, zip_path
from tsunagu.cdk.assets.byte_code import check_python, compiled_files
from tsunagu.cdk.assets.dependencies import dependencies_id, dependency_files
from tsunagu.cdk.assets.files import Files, digest, merge
from tsunagu.cdk.assets.imports import MissingImport, missing_imports
from tsunagu.cdk.assets.package import HandlerPackage
from tsunagu.cdk.assets.platform import Platform
from tsunagu.cdk.assets.runtime import LIBRARY, runtime_files
from tsunagu.errors import AssetError

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_BYTES = 262_144_000

_SHOWN_IMPORTS = 5
_OWN = "the handler package"
_LAYOUT = "tsunagu asset 1"  # increase the number when the same files must become another zip


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerAsset:
    """A zip file that Lambda can run.

    Attributes:
        path: The zip file, in the cache.
        hash: SHA-256, in hex, of its contents. The same code and dependencies have the same hash on every machine.
        handler: The function's handler, such as `invoices.handler.handler`.
    """

    path: Path
    hash: str
    handler: str


def build_asset(package: HandlerPackage, platform: Platform) -> HandlerAsset:
    """Put a handler package, what it includes, the runtime and its dependencies into one zip file.

    Needs the network only for dependencies that are not in the cache yet.

    Raises:
        AssetError: The package, its handler, its lock or what it includes is wrong, uv could not install the lock, an
            import would fail in Lambda, or the files together are larger than Lambda accepts.
    """
    if platform.byte_code:
        check_python(platform)
    parts = _checked_code(package, platform)
    code = merge(parts)
    lock = package.requirements_path()
    # The hash leaves byte code out: the same source can compile to other bytes in another process.
    byte_code = f"byte code: {platform.python if platform.byte_code else 'none'}"
    build = build_id(code, _LAYOUT, byte_code, dependencies_id(lock, platform))
    asset_hash = known_hash(build)
    if asset_hash is None:
        sources = {**code, **_checked_dependencies(package, platform, parts)}
        asset_hash = digest(sources, _LAYOUT, byte_code)
        _write(package, platform, sources, zip_path(asset_hash))
        remember(build, asset_hash)
    return HandlerAsset(path=zip_path(asset_hash), hash=asset_hash, handler=f"{package.import_name}.{package.handler}")


def _write(package: HandlerPackage, platform: Platform, sources: Files, path: Path) -> None:
    if not is_whole(path):
        files = {**sources, **(compiled_files(sources, platform) if platform.byte_code else {})}
        _check_size(package, files)
        write_archive(path, files)


def checked_sources(package: HandlerPackage, platform: Platform) -> tuple[Files, Files]:
    """Read what a function with this handler package has in its task root, byte code left out.

    Needs the network only for dependencies that are not in the cache yet.

    Returns:
        The code: runtime, handler package and what that includes. And the dependencies.

    Raises:
        AssetError: The package, its handler, its lock or what it includes is wrong, uv could not install the lock, or
            an import would fail in Lambda.
    """
    parts = _checked_code(package, platform)
    return merge(parts), _checked_dependencies(package, platform, parts)


def _checked_code(package: HandlerPackage, platform: Platform) -> Mapping[str, Files]:
    package.check_code(platform)
    package.check_handler(platform)
    return {"the runtime": runtime_files(), _OWN: package.files()}


def _checked_dependencies(package: HandlerPackage, platform: Platform, parts: Mapping[str, Files]) -> Files:
    lock = package.requirements_path()
    dependencies = dependency_files(lock, platform) if lock else {}
    sources = merge({**parts, "its dependencies": dependencies})
    _check_imports(package, list(missing_imports(parts[_OWN], sources, platform.version)))
    return dependencies


def _check_imports(package: HandlerPackage, missing: Sequence[MissingImport]) -> None:
    if not missing:
        return
    shown = [f"{package.path_of(each.file)}:{each.line} imports {each.module}" for each in missing[:_SHOWN_IMPORTS]]
    more = [f"and {len(missing) - len(shown)} more"] if len(missing) > len(shown) else []
    msg = (
        f"each module that the handler package {package.import_name} imports must be in its folder, in include=[...], "
        f"or installed by its requirements.txt, got {'; '.join([*shown, *more])}"
    )
    if any(each.module.partition(".")[0] == LIBRARY for each in missing):
        msg += f" (of {LIBRARY}, a zip holds only {LIBRARY} itself, {LIBRARY}.runtime and {LIBRARY}.contracts)"
    raise AssetError(msg)


def _check_size(package: HandlerPackage, files: Files) -> None:
    size = sum(len(content) for content in files.values())
    if size > UNZIPPED_BYTES:
        msg = f"the asset of {package.import_name} must be at most {UNZIPPED_BYTES:,} bytes unzipped, got {size:,}"
        raise AssetError(msg)
