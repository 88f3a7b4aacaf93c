"""The start of a function: keeps the garbage collector from examining what the start creates."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
