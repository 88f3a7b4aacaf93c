"""The handler packages of this app: the folders below `lambdas`, each with the contracts that they share."""

from pathlib import Path

import lambdas
from tsunagu.cdk import HandlerPackage

_FOLDER = Path(lambdas.__file__).resolve().parent


def handler_package(name: str) -> HandlerPackage:
    """Return the handler package `lambdas/<name>`, with `lambdas/contracts`.

    Args:
        name: Name of the folder.
    """
    return HandlerPackage(path=_FOLDER / name, include=[_FOLDER / "contracts"])
