"""`make mutation`: changes the runtime in small ways, and lists the changes that no test sees."""
# ruff: noqa: T201 - a report is printed

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.mutants import mutants_below
from tests.mutation.survivors import known, report, surprising

PROJECT = Path(__file__).resolve().parents[2]
WORKSPACE = PROJECT / ".tsunagu" / "mutation"
# What mutmut copies, and its settings. It works in a folder of its own, so that no other tool finds the copies.
NEEDED = ("cdk.json", "cdk_app", "lambdas", "pyproject.toml", "tests", "tsunagu")
MUTMUT = Path(sys.executable).with_name("mutmut")
WITH_COLLECTED_TESTS = Path(__file__).with_name("collected.py")
WORKERS = 2
LONGEST_SECONDS = 3_600
GRACE_SECONDS = 60


def main() -> int:
    """Try mutants until all are done or the time is over; return the exit code of the process."""
    _make_workspace()
    deadline = time.monotonic() + LONGEST_SECONDS
    _run([sys.executable, "-P", WITH_COLLECTED_TESTS], [], deadline)
    left = surprising(mutants_below(WORKSPACE / "mutants"), known())
    if left and time.monotonic() < deadline:
        _run([MUTMUT], left, deadline)
    lines, is_well = report([*mutants_below(WORKSPACE / "mutants")], known())
    print("", *lines, sep="\n")
    return 0 if is_well else 1


def _make_workspace() -> None:
    shutil.rmtree(WORKSPACE / "mutants", ignore_errors=True)
    WORKSPACE.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        link = WORKSPACE / name
        link.unlink(missing_ok=True)
        link.symlink_to(PROJECT / name)


def _run(mutmut: Sequence[str | Path], names: Sequence[str], deadline: float) -> None:
    """Let mutmut try the mutants of these names, or all, until the deadline."""
    # Without bytecode on the disk, each mutant would compile everything anew.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    child = subprocess.Popen(
        [*mutmut, "run", "--max-children", str(WORKERS), *names],
        cwd=WORKSPACE,
        env={**variables, "PATH": f"{MUTMUT.parent}{os.pathsep}{os.environ['PATH']}"},
    )
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print("\nthe time is over: the mutants that are left are not tried")
        child.send_signal(signal.SIGINT)
        child.wait(GRACE_SECONDS)
    if child.returncode:
        sys.exit(f"mutmut must end with 0, got {child.returncode}")


if __name__ == "__main__":
    sys.exit(main())
