"""Finds how a process of a handler starts, by what its decorator made."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from tsunagu.runtime.functions.adapters import FunctionStart
from tsunagu.runtime.functions.wiring import LambdaHandler
from tsunagu.runtime.receiving.receiver import LambdaContext
from tsunagu.testing.handlers.surroundings import variables

RouterHandler = Callable[[Any, LambdaContext], dict[str, Any]]  # as `MessageRouter.handler` returns it


def start_of(handler: LambdaHandler | RouterHandler | str, environment: Mapping[str, str]) -> FunctionStart:
    """Return how a process of a handler starts.

    Raises:
        TypeError: It was made by none of our decorators.
        ValueError: The text is not of the form `package.module:name`.
    """
    if isinstance(handler, str):
        module, colon, name = handler.partition(":")
        if not (module and colon and name):
            msg = f"handler must be a handler or 'package.module:name', got {handler!r}"
            raise ValueError(msg)
        with variables(environment):
            return start_of(getattr(import_module(module), name), environment)
    start = getattr(handler, "start", None)
    if not isinstance(start, FunctionStart):
        got = getattr(handler, "__name__", type(handler).__name__)
        msg = (
            "handler must be what message_handler, pipeline_service, scheduled_job, accepted_request or "
            f"MessageRouter.handler made, got {got}: hand over the decorated function, not the function that it calls"
        )
        raise TypeError(msg)
    return start
