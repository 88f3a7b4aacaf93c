"""The part of `lambdas` that every asset carries: contracts and runtime."""

from pathlib import Path

from cdk_app.assets.files import folder_files
from lambdas import contracts

_SHARED = ("contracts", "runtime")


def lambdas_folder() -> Path:
    """Return the folder of our `lambdas` package: a checkout's or the installed wheel's."""
    return Path(contracts.__file__).resolve().parent.parent


def runtime_files() -> dict[str, bytes]:
    """Read the files that every handler imports, without importing them."""
    folder = lambdas_folder()
    files = {"lambdas/__init__.py": (folder / "__init__.py").read_bytes()}
    for part in _SHARED:
        files |= folder_files(folder / part, f"lambdas/{part}")
    return files
