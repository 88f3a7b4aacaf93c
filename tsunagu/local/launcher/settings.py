"""Settings of the launcher: its command line, and the environment variables of ministack."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
MINISTACK_VERSION = "1.5.33"
PORT_TAKEN_EXIT_CODE = 75  # EX_TEMPFAIL: try again on another port
ALREADY_RUNS_EXIT_CODE = 73  # EX_CANTCREAT: another emulator runs in the folder
EMULATOR_PATH = "/_tsunagu/emulator"  # `control` answers this path and the next
HANDLERS_PATH = "/_tsunagu/handlers/"
DETACH = b"d"  # on standard input: run on without the process that started it


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherSettings:
    """How one emulator runs.

    Attributes:
        port: Port of 127.0.0.1 that it listens on.
        lock: File that it holds locked while it runs.
        functions_python: Interpreter that runs the handlers of Python functions.
        images: Folder with the task roots of images.
        enforce_iam: Whether it checks every call against the caller's policies.
    """

    port: int
    lock: Path
    functions_python: Path
    images: Path
    enforce_iam: bool

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> "LauncherSettings":
        """Read the settings from a command line, as `to_arguments` writes them."""
        parser = argparse.ArgumentParser(prog="launcher")
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--lock", type=Path, required=True)
        parser.add_argument("--functions-python", type=Path, required=True)
        parser.add_argument("--images", type=Path, required=True)
        parser.add_argument("--enforce-iam", action="store_true")
        return cls(**vars(parser.parse_args(arguments)))

    def to_arguments(self) -> list[str]:
        """Return the settings as a command line."""
        arguments = ["--port", str(self.port), "--lock", str(self.lock)]
        arguments += ["--functions-python", str(self.functions_python), "--images", str(self.images)]
        if self.enforce_iam:
            arguments.append("--enforce-iam")
        return arguments

    @property
    def endpoint_url(self) -> str:
        """Address of the emulator, for every AWS service."""
        return f"http://{HOST}:{self.port}"

    def ministack_environment(self) -> dict[str, str]:
        """Return the variables that ministack reads when it is imported."""
        return {
            "AUTH": str(self.enforce_iam).lower(),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_HOST": HOST,
            "SFTP_ENABLED": "0",
        }
