"""Tests a wheel on the Pythons of this machine: installed, with none of the checkout's library in reach."""

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from uv import find_uv_bin

from release.build import PROJECT, run

# What a release promises to any Python: the runtime and its contracts, the props, and that the front doors can be used.
TESTS = ("tests/tsunagu/runtime", "tests/tsunagu/contracts", "tests/tsunagu/cdk/props")
_FOLDERS = ("tests", "cdk_app", "lambdas")
_FRONT_DOORS = (
    "import tsunagu, tsunagu.cdk as cdk; [getattr(m, n) for m in (tsunagu, cdk) for n in m.__all__]; "
    "assert 'site-packages' in tsunagu.__file__, tsunagu.__file__"
)


def supported() -> list[str]:
    """Return the versions of Python that the classifiers name, such as 3.11."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [classifier.rpartition(" ")[2] for classifier in project["classifiers"] if "Python :: 3." in classifier]


def installed(version: str) -> Path | None:
    """Return this machine's Python of a version, or None. Nothing is downloaded."""
    return next(filter(None, (_interpreter(path, version) for path in _candidates(version))), None)


def _candidates(version: str) -> Iterator[Path]:
    """Iterate over what may be a Python of a version: in the search path, of pyenv, of uv."""
    name = f"python{version}"
    yield from (Path(folder, name) for folder in os.environ.get("PATH", "").split(os.pathsep))
    homes = (
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions"),
        Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python")),
    )
    for home in homes:
        yield from sorted(home.glob(f"*{version}*/bin/{name}"), reverse=True)


def _interpreter(path: Path, version: str) -> Path | None:
    """Return a Python that runs and has the version, which a shim of pyenv may not do."""
    if not path.is_file():
        return None
    program = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"
    done = subprocess.run([str(path), "-I", "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    executable, _, found = done.stdout.strip().rpartition(" ")
    return Path(executable) if done.returncode == 0 and found == version else None


def test_wheel(wheel: Path, python: Path) -> str:
    """Install a wheel with the packages of the checkout's lock, and run the tests. Return pytest's last line.

    Raises:
        ReleaseError: It cannot be installed, or a test fails.
    """
    with tempfile.TemporaryDirectory(prefix="tsunagu-release-") as name:
        place = Path(name)
        own = place / "venv" / "bin" / "python"
        uv = [find_uv_bin(), "--quiet"]
        run([*uv, "venv", "--python", str(python), str(place / "venv")])
        install = [*uv, "pip", "install", "--python", str(own)]
        run([*install, "--require-hashes", "--requirements", str(PROJECT / "requirements-dev.txt")])
        run([*install, "--no-deps", str(wheel)])
        checkout = place / "checkout"
        for source, target in _copied(checkout):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", "cdk.json", "CHANGELOG.md"):
            shutil.copy(PROJECT / file, checkout)
        run([str(own), "-c", _FRONT_DOORS], cwd=checkout)
        printed = run([str(own), "-m", "pytest", "-q", "-n", "2", "-m", "not slow", *TESTS], cwd=checkout)
        return printed.strip().splitlines()[-1]


def _copied(checkout: Path) -> Iterator[tuple[Path, Path]]:
    for folder in _FOLDERS:
        yield PROJECT / folder, checkout / folder
