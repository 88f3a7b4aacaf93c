"""The start of a function: what it makes stays as long as the process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the garbage collector away from what the block makes, now and later.

    Modules, clients and service models are tens of thousands of objects and no garbage. The collector would go through
    them during the start, and once more during one of the first invocations; frozen, they are never looked at again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
