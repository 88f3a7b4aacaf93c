"""A function that stops in the middle and goes on later: a thread that runs only while it is resumed."""

import _thread
import threading
from collections.abc import Callable


class Fiber:
    """Runs `body` on a thread of its own, one resumption after the other, and never at the same time as its resumer."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self._turn = threading.Lock()
        self._back = threading.Lock()
        self._turn.acquire()
        self._back.acquire()
        self._error: BaseException | None = None
        self._is_started = False
        self.is_finished = False

    def resume(self) -> None:
        """Run on until the next `pause`, or the end; raises what the body raised."""
        if self._is_started:
            self._turn.release()
        else:
            self._is_started = True
            _thread.start_new_thread(self._run, ())  # `Thread` would wait for its start: a fifth of all time
        self._back.acquire()
        if self._error is not None:
            raise self._error

    def pause(self) -> None:
        """Give the turn back to the resumer; called by the body."""
        self._back.release()
        self._turn.acquire()

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as error:  # noqa: BLE001 - the resumer's to judge
            self._error = error
        finally:
            self.is_finished = True
            self._back.release()
