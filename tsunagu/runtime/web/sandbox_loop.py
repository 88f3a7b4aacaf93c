"""The event loop of a sandbox: one for all HTTP requests, asynchronous consumers, and the lifespan."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class SandboxLoop:
    """One event loop, which is made when it is first needed, and runs while there is something to do.

    It stands still between invocations, as all of a sandbox does. A queue with plain consumers never imports asyncio.
    """

    def __init__(self) -> None:
        self._made: asyncio.AbstractEventLoop | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, and return what it returns. Threads beside the loop may call it too; see `run_beside`."""
        loop = self._loop()
        if loop.is_running():
            import asyncio  # noqa: PLC0415

            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
        return loop.run_until_complete(coroutine)

    def run_beside(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, and the loop meanwhile, so that several threads run coroutines at the same time."""
        import asyncio  # noqa: PLC0415

        return self._loop().run_until_complete(asyncio.to_thread(work))

    def close(self) -> None:
        """Cancel what still runs, and close the loop."""
        if self._made is None:
            return
        import asyncio  # noqa: PLC0415

        loop, self._made = self._made, None
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks) if tasks else asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.set_event_loop(None)

    def _loop(self) -> "asyncio.AbstractEventLoop":
        if self._made is None:
            import asyncio  # noqa: PLC0415

            self._made = asyncio.new_event_loop()
            asyncio.set_event_loop(self._made)  # Mangum asks for the loop of its thread
        return self._made
