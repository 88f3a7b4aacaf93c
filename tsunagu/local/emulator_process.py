"""Starts the emulator process on a free port, and stops it with everything that it started."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.launcher.settings import (
    ALREADY_RUNS_EXIT_CODE,
    DETACH,
    EMULATOR_PATH,
    HOST,
    PORT_TAKEN_EXIT_CODE,
    LauncherSettings,
)
from tsunagu.local.state_folder import EmulatorRecord, StateFolder

START_TIMEOUT_SECONDS = 60.0  # for a cold disk and busy cores; half a second is usual
STOP_GRACE_SECONDS = 0.5  # the emulator keeps no state, so it can end at once
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02
PORT_TRIES = 5

# Calls to this machine must not go through the proxy of the network.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmulatorProcess:
    """A running emulator, started by this process or found in its folder.

    Attributes:
        folder: Its state folder.
        record: Its process id and address.
    """

    def __init__(
        self, folder: StateFolder, record: EmulatorRecord, child: "subprocess.Popen[bytes] | None" = None
    ) -> None:
        self.folder = folder
        self.record = record
        self._child = child

    @classmethod
    def attach(cls, folder: StateFolder) -> Self | None:
        """Return the emulator that runs in `folder`; None when no emulator runs there."""
        record = folder.living_emulator()
        return None if record is None else cls(folder, record)

    @classmethod
    def start(
        cls, folder: StateFolder, *, python: Path, functions_python: Path, enforce_iam: bool, port: int | None = None
    ) -> Self:
        """Start an emulator, and wait until it answers.

        It ends with this process, unless `detach` is called.

        Args:
            folder: Its state folder. It is prepared, and no other emulator runs there.
            python: Interpreter of the emulator's environment.
            functions_python: Interpreter that runs the handlers.
            enforce_iam: Whether calls are checked against policies.
            port: Port that it listens on. Default: a free one.

        Raises:
            EmbeddedCloudError: It did not start. Its log has the details.
        """
        for _ in range(PORT_TRIES if port is None else 1):
            settings = LauncherSettings(
                port=free_port() if port is None else port,
                lock=folder.lock,
                functions_python=functions_python,
                images=folder.images,
                enforce_iam=enforce_iam,
            )
            child = _launch(folder, python, settings)
            emulator = cls(folder, EmulatorRecord(pid=child.pid, endpoint_url=settings.endpoint_url), child)
            if emulator._becomes_ready(child):
                return emulator
            if child.returncode != PORT_TAKEN_EXIT_CODE:
                raise _start_error(folder, child.returncode)
        msg = (
            f"the emulator must find a free port of {HOST} within {PORT_TRIES} tries, got none"
            if port is None
            else f"port {port} of {HOST} must be free, got one that another program listens on"
        )
        raise EmbeddedCloudError(msg, str(folder.emulator_log))

    def _becomes_ready(self, child: "subprocess.Popen[bytes]") -> bool:
        ready = False
        try:
            _wait_until(lambda: self._serves() or child.poll() is not None, START_TIMEOUT_SECONDS)
            ready = child.poll() is None and self._serves()
        finally:  # Ctrl-C included
            if not ready:
                self.stop()
        if ready:
            self.folder.write_record(self.record)
        return ready

    def _serves(self) -> bool:
        """Whether this process answers at the address. Another emulator may have taken the port."""
        try:
            return bool(self.ask(EMULATOR_PATH)["pid"] == self.record.pid)
        except (OSError, ValueError, KeyError):
            return False

    def ask(self, path: str) -> Any:
        """Return the answer of the emulator at `path`, one of the paths in `launcher.control`."""
        with _direct.open(f"{self.record.endpoint_url}{path}", timeout=10) as answer:
            return json.load(answer)

    def detach(self) -> None:
        """Let the emulator run on when this process ends."""
        if self._child is not None and self._child.stdin is not None and not self._child.stdin.closed:
            with contextlib.suppress(BrokenPipeError), self._child.stdin as owner:
                owner.write(DETACH)

    def stop(self) -> None:
        """Stop the emulator and its handlers, and wait until the emulator has ended. A second call does nothing."""
        _signal_group(self.record.pid, signal.SIGTERM)
        _wait_until(lambda: not self._lives(), STOP_GRACE_SECONDS)
        _signal_group(self.record.pid, signal.SIGKILL)
        _wait_until(lambda: not self._lives(), KILL_SECONDS)
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        self.folder.forget()

    def _lives(self) -> bool:
        return self.folder.is_alive() if self._child is None else self._child.poll() is None


def _launch(folder: StateFolder, python: Path, settings: LauncherSettings) -> "subprocess.Popen[bytes]":
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"PYTHONPATH": str(Path(__file__).parent), "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder.temporary)}
    with folder.emulator_log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            [str(python), "-P", "-m", "launcher", *settings.to_arguments()],
            stdin=subprocess.PIPE,  # the emulator ends when this pipe closes
            stdout=log,
            stderr=log,
            cwd=folder.path,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops the emulator
        )


def _start_error(folder: StateFolder, exit_code: int) -> EmbeddedCloudError:
    if exit_code == ALREADY_RUNS_EXIT_CODE:
        return EmbeddedCloudError(f"one embedded cloud may live in a folder, got another in {folder.path}")
    log = str(folder.emulator_log)
    msg = f"the emulator must serve within {START_TIMEOUT_SECONDS:.0f} s, got exit code {exit_code}: see {log}"
    return EmbeddedCloudError(msg, log)


def free_port() -> int:
    """Return a port of 127.0.0.1 on which no process listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _signal_group(group: int, number: int) -> None:
    """Send a signal to a process group. A group that has ended is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a group that has ended
        os.killpg(group, number)


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
