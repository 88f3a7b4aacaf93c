"""Starts the emulator: `python -m launcher --port 4566 …`."""

import errno
import os
import socket
import sys
from importlib import metadata

from .lifetime import end_with_owner, hold_lock
from .settings import HOST, MINISTACK_VERSION, PORT_TAKEN_EXIT_CODE, LauncherSettings


def main() -> None:
    """Extend ministack, and serve until a signal ends the process."""
    settings = LauncherSettings.from_arguments(sys.argv[1:])
    _check_version()
    lock = hold_lock(settings.lock)
    end_with_owner()
    os.environ.pop("PYTHONPATH", None)  # only the launcher needs it; handlers must not import from there
    os.environ.update(settings.ministack_environment())
    _serve(settings)
    lock.close()


def _check_version() -> None:
    installed = metadata.version("ministack")
    if installed != MINISTACK_VERSION:
        sys.exit(f"the launcher extends ministack {MINISTACK_VERSION}, got {installed}")


def _serve(settings: LauncherSettings) -> None:
    # ministack reads its environment at import.
    from . import extensions  # noqa: PLC0415
    from .ministack_modules import app  # noqa: PLC0415

    extensions.install_all(settings)
    if _is_taken(settings.port):
        sys.exit(PORT_TAKEN_EXIT_CODE)
    sys.argv[1:] = []  # ministack has a command line of its own
    try:
        app.main()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(PORT_TAKEN_EXIT_CODE)
        raise


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


if __name__ == "__main__":
    main()
