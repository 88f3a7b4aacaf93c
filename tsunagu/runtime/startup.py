"""The start of a function: does only what the first message needs, and keeps the garbage collector away from it."""

import functools
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from tsunagu.runtime.restore import before_snapshot

PartT = TypeVar("PartT")


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the garbage collector from examining the objects that the block creates, now and later.

    Modules, clients and service models are tens of thousands of objects, and stay as long as the process. The collector
    would examine them during the start, and again in one of the first invocations. `gc.freeze` excludes them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def when_first_used(make: Callable[[], PartT], *, of_batch: bool = False) -> PartT:
    """Return what stands for a part of a function that most messages do not use.

    The part is made when an attribute of it is first used. So its module is imported, and compiled, only then. With
    SnapStart a part of the process is made before the snapshot. Threads may make it twice, so it must be one of which
    there may be two.

    Args:
        make: Imports the module, and makes the part.
        of_batch: Whether it ends with the batch in hand. Lambda keeps what is to be made before a snapshot for as long
            as the sandbox lives. Default: it is a part of the process.
    """
    part = _Part(make)
    if not of_batch:
        before_snapshot(part._make)
    return cast("PartT", part)


class _Part:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = functools.cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)
