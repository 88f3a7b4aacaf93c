"""Builds a release once, looks at it, and tests that very wheel: `make release-check`. It publishes nothing."""

# ruff: noqa: T201 - a report is printed

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from release.build import PROJECT, Distributions, ReleaseError, build, run
from release.contents import problems, project_version
from release.pythons import installed, supported, test_wheel
from release.sbom import TOOLS, write_sbom


def main() -> None:
    """Check, and say what was checked."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--without-tests", action="store_true", help="do not test the wheel on each Python")
    try:
        _check(PROJECT / "dist", with_tests=not arguments.parse_args().without_tests)
    except ReleaseError as error:
        sys.exit(f"error: {error}")


def _check(folder: Path, *, with_tests: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    distributions = build(folder)
    print(f"tsunagu {project_version()}, built into {folder.name}/")
    _check_reproducible(distributions)
    if found := problems(distributions):
        raise ReleaseError("; ".join(found))
    print("contents: nothing missing, nothing that does not belong there")
    run([str(TOOLS / "twine"), "check", "--strict", str(distributions.sdist), str(distributions.wheel)])
    print("metadata: twine check passed")
    print(f"bill of materials: {write_sbom(distributions.wheel, Path(sys.executable)).name}")
    if with_tests:
        _test(distributions.wheel)


def _check_reproducible(distributions: Distributions) -> None:
    with tempfile.TemporaryDirectory() as name:
        again = build(Path(name)).hashes
    if again != distributions.hashes:
        msg = f"a second build must give the same files, got {again} and {distributions.hashes}"
        raise ReleaseError(msg)
    for name, digest in again.items():
        print(f"sha256 {digest}  {name}, the same in a second build")


def _test(wheel: Path) -> None:
    missing = []
    for version in supported():
        python = installed(version)
        if python is None:
            missing.append(version)
        else:
            print(f"Python {version}: {test_wheel(wheel, python)}")
    if missing:
        print(f"not tested here, because this machine has no such Python: {', '.join(missing)}; CI has each of them")


if __name__ == "__main__":
    main()
