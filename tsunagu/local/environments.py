"""Builds the virtual environments of the embedded cloud: one for the emulator, one for the functions that it runs.

uv builds each environment once from its lock file. The folder of an environment is named by a hash of its lock file and
interpreter. So all projects on this machine share it.
"""

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Literal

from tsunagu.cache import cache_directory
from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.cdk_command import run_logged

EnvironmentName = Literal["emulator", "functions"]
Progress = Callable[[str], None]


def environment_python(name: EnvironmentName, *, log_path: Path, progress: Progress) -> Path:
    """Return the interpreter of a virtual environment, and build the environment first when it does not exist.

    Two processes may call this at once. Each builds in a folder of its own, and the one that ends first is kept.

    Args:
        name: Lock file of `tsunagu/local/locks` from which it is built.
        log_path: Log to which the output of a build is appended.
        progress: Called with a sentence before a build. A build takes up to a minute plus the download.

    Raises:
        EmbeddedCloudError: uv is missing or failed.
    """
    lock = resources.files("tsunagu.local").joinpath("locks", f"{name}.txt").read_bytes()
    directory = cache_directory() / "environments" / f"{name}-{_key(lock)}"
    if not directory.exists():
        progress(f"Building the {name} environment of the embedded cloud, once, in {directory}")
        _build(directory, lock, log_path)
    return directory / "bin" / "python"


def _key(lock: bytes) -> str:
    interpreter = f"{sys.version} {sys.base_prefix} {platform.machine()}"
    return hashlib.sha256(lock + interpreter.encode()).hexdigest()[:16]


def _build(directory: Path, lock: bytes, log_path: Path) -> None:
    uv = uv_command()
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        requirements = aside / "requirements.txt"
        requirements.write_bytes(lock)
        create = [uv, "venv", "--allow-existing", "--relocatable", "--python", sys.executable, str(aside)]
        install = [uv, "pip", "install", "--python", str(aside / "bin" / "python"), "--require-hashes"]
        for command in (create, [*install, "--compile-bytecode", "--requirements", str(requirements)]):
            run_logged(command, "uv must build the embedded cloud's environment", clean_environment(), log_path)
        _publish(aside, directory)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _publish(aside: Path, directory: Path) -> None:
    aside.chmod(0o755)  # mkdtemp makes private folders
    try:
        aside.rename(directory)
    except OSError:
        if not directory.exists():
            raise


def uv_command() -> str:
    """Return the command uv: the one beside this interpreter, or else the one on the path.

    Raises:
        EmbeddedCloudError: Neither exists.
    """
    beside_python = Path(sys.executable).with_name("uv")
    if beside_python.exists():
        return str(beside_python)
    if on_path := shutil.which("uv"):
        return on_path
    msg = 'the embedded cloud needs the command uv, got none: pip install "tsunagu[local]"'
    raise EmbeddedCloudError(msg)


def clean_environment() -> dict[str, str]:
    """Return the environment variables without those that make uv install into another environment."""
    return {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
