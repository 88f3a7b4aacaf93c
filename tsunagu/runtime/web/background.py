"""Refuses background tasks: Lambda freezes a sandbox when the answer was sent, and nothing repeats a lost task."""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

REASON = (
    "a background task must not be used in Lambda, which freezes the sandbox after the answer: the task would delay "
    "the answer, and nothing would repeat it after a crash; send a message by the outbox instead"
)

_is_serving: ContextVar[bool] = ContextVar("_is_serving", default=False)


class BackgroundTaskError(RuntimeError):
    """A route or a consumer used a background task."""

    def __init__(self) -> None:
        super().__init__(REASON)


def serving() -> None:
    """Refuse background tasks from now on, in this context and those that are copied from it."""
    _is_serving.set(True)


def refuse_background_tasks() -> None:
    """Make Starlette's background tasks raise, while this function serves. FastAPI's are the same.

    Without Starlette, nothing is done. Under another server, such as uvicorn, they work as before.
    """
    background = sys.modules.get("starlette.background")
    if background is not None and not hasattr(background.BackgroundTask.__init__, "refuses"):
        background.BackgroundTask.__init__ = _refusing(background.BackgroundTask.__init__)


def _refusing(init: Callable[..., None]) -> Callable[..., None]:
    def init_or_refuse(*arguments: Any, **named: Any) -> None:
        if _is_serving.get():
            raise BackgroundTaskError
        init(*arguments, **named)

    init_or_refuse.refuses = True  # type: ignore[attr-defined]
    return init_or_refuse
