"""What Lambda imports of a handler package, by its name. Nothing of this app imports a handler package otherwise."""

from importlib import import_module
from typing import Any


def entry_point(name: str) -> Any:
    """Return an object of a handler package.

    Args:
        name: Module and object, such as `lambdas.order_api.app:app`.
    """
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
