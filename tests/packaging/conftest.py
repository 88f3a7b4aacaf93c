"""The wheel, and clean environments: with locked packages, with the wheel and those, with the base install."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, and a folder to work in that belongs to no project.

    Attributes:
        directory: The virtual environment.
        place: The folder.
    """

    directory: Path
    place: Path

    def run(self, *command: str, variables: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
        """Run a command of the environment, and return what it printed."""
        done = subprocess.run(
            [str(self.directory / "bin" / command[0]), *command[1:]],
            cwd=cwd or self.place,
            env=self.variables(**(variables or {})),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def variables(self, **added: str) -> dict[str, str]:
        """The variables of this process without those of its Python, and these."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**own, **added}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    output = tmp_path_factory.mktemp("dist")
    options = ["--wheel", "--no-build-isolation", "--offline", "--python", sys.executable]
    _uv("build", *options, "--out-dir", str(output), str(PROJECT))
    (built,) = output.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def locked_environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The packages of requirements.txt, as one installs them who runs `cdk` in a checkout."""
    environment = _environment(tmp_path_factory.mktemp("locked"))
    _install(environment, "--require-hashes", "--requirements", str(PROJECT / "requirements.txt"))
    return environment


@pytest.fixture(scope="session")
def full_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel with the packages of requirements.txt, as another project installs it with every extra."""
    environment = _environment(tmp_path_factory.mktemp("full"))
    _install(environment, "--require-hashes", "--requirements", str(PROJECT / "requirements.txt"))
    _install(environment, "--no-deps", str(wheel))
    return environment


@pytest.fixture(scope="session")
def base_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel with what it itself depends on, and no extra."""
    environment = _environment(tmp_path_factory.mktemp("base"))
    _install(environment, str(wheel), "--constraints", str(PROJECT / "requirements.txt"))
    return environment


def _environment(place: Path) -> Environment:
    _uv("venv", "--python", sys.executable, str(place / "venv"))
    (place / "work").mkdir()
    return Environment(directory=place / "venv", place=place / "work")


def _install(environment: Environment, *arguments: str) -> None:
    _uv("pip", "install", "--python", str(environment.directory / "bin" / "python"), *arguments)


def _uv(*arguments: str) -> None:
    command: Sequence[str] = [find_uv_bin(), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
