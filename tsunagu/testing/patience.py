"""Waits until something is seen."""

import time
from collections.abc import Callable
from typing import TypeVar

SeenT = TypeVar("SeenT")

LOOK_AGAIN_SECONDS = 0.05


def eventually(look: Callable[[], SeenT], *, seconds: float = 30, what: str = "") -> SeenT:
    """Look again and again until something is seen, and return it.

    Args:
        look: Returns what is seen; nothing that is true: not yet. An `AssertionError` is "not yet" too.
        seconds: How long to wait.
        what: What is waited for, in the error. Default: the name of `look`.

    Raises:
        AssertionError: It was not seen in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        problem: AssertionError | None = None
        try:
            if seen := look():
                return seen
        except AssertionError as error:
            problem = error
        if time.monotonic() >= deadline:
            name = what or getattr(look, "__name__", "it").strip("<>")
            raise AssertionError(f"{name} must be seen within {seconds} s, got nothing") from problem
        time.sleep(LOOK_AGAIN_SECONDS)
