"""The part of `lambdas` that every asset carries: contracts and runtime."""

import importlib.util
from pathlib import Path

from cdk_app.assets.files import folder_files

_PACKAGE = "lambdas"
_SHARED = ("contracts", "runtime")


def lambdas_folder() -> Path:
    """Return the folder of our `lambdas` package: a checkout's or the installed wheel's."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        msg = f"{_PACKAGE} is installed with cdk_app"
        raise ModuleNotFoundError(msg, name=_PACKAGE)
    return Path(spec.origin).resolve().parent


def runtime_files() -> dict[str, bytes]:
    """Read the files that every handler imports, without importing them."""
    folder = lambdas_folder()
    files = {f"{_PACKAGE}/__init__.py": (folder / "__init__.py").read_bytes()}
    for part in _SHARED:
        files |= folder_files(folder / part, f"{_PACKAGE}/{part}")
    return files
