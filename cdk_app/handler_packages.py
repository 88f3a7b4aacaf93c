"""The handler packages of this app: the folders below `lambdas`, each with the contracts that they share."""

from pathlib import Path

import lambdas
from tsunagu.cdk import HandlerPackage, ImagePackage

_FOLDER = Path(lambdas.__file__).resolve().parent


def handler_package(name: str) -> HandlerPackage:
    """Return the handler package `lambdas/<name>`, with `lambdas/contracts`.

    Args:
        name: Name of the folder.
    """
    return HandlerPackage(path=_FOLDER / name, include=[_FOLDER / "contracts"])


def image_package(name: str) -> ImagePackage:
    """Return the same package as a container image, built from `lambdas/<name>/Dockerfile`.

    Args:
        name: Name of the folder.
    """
    return ImagePackage(path=_FOLDER / name, include=[_FOLDER / "contracts"])
