"""The lifespan of an ASGI application: started once a sandbox, and not for each invocation.

Lambda does not say when it ends a sandbox, so there is no shut-down there. Tests shut an application down.
"""

import asyncio
from typing import Any

from tsunagu.runtime.errors import error_type
from tsunagu.runtime.web.once import AsgiApplication, AsgiMessage


class ApplicationStartError(RuntimeError):
    """The application did not start. The next invocation starts it anew."""


class Lifespan:
    """Starts an application, and shuts it down.

    Args:
        application: The application. One that knows no lifespan needs no start.

    Attributes:
        state: What the application keeps for its requests; each gets a copy.
    """

    def __init__(self, application: AsgiApplication) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._asked: asyncio.Queue[AsgiMessage] = asyncio.Queue()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._is_supported = True

    async def start(self) -> None:
        """Start the application.

        Raises:
            ApplicationStartError: Its start failed. The text names the type of the error and nothing else of it,
                because Lambda logs the text.
        """
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer == "lifespan.startup.failed":
            await self._task
            msg = f"the application must start, got {'a failure' if self._error is None else error_type(self._error)}"
            raise ApplicationStartError(msg) from self._error

    async def stop(self) -> None:
        """Shut the application down, if it was started."""
        if self._task is not None and self._is_supported and not self._task.done():
            await self._ask("lifespan.shutdown")
            await self._task

    async def _ask(self, kind: str) -> str:
        await self._asked.put({"type": kind})
        return await self._answers.get()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._asked.get, self._send)
        except Exception as error:  # noqa: BLE001 - an application that knows no lifespan raises anything
            self._error = error
        finally:
            # An application that ends without an answer knows no lifespan. If it has answered, nobody reads this.
            self._is_supported = False
            self._answers.put_nowait("lifespan.not_supported")

    async def _send(self, message: AsgiMessage) -> None:
        await self._answers.put(message["type"])
