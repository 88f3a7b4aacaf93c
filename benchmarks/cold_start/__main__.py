"""`make bench-cold-start`: import and first client of the payments function's asset, then the ratios.

The asset is unzipped as Lambda has it: every file dated 1980, and nothing written beside it. It is measured as cdk.json
builds it, from source alone, and once more with byte code.
"""

# ruff: noqa: T201 - a report is printed

import json
import os
import platform
import statistics
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import PROJECT, PYTHON, child_environment
from benchmarks.receiver_environment import receiver_environment
from cdk_app.assets import Architecture, HandlerPackage, Platform, build_asset
from lambdas.contracts.environment import PaymentsEnvironment

ROUNDS = 21
ZIP_EPOCH_SECONDS = 315_532_800  # 1980-01-01

_ARCHITECTURES: Mapping[str, Architecture] = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What is started.

    Attributes:
        name: How the report calls it.
        program: Which function of `start.py`.
        path: Folder of the asset.
    """

    name: str
    program: Literal["ours", "bare"]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start: seconds of wall clock and of CPU, and the memory held after it."""

    wall: float
    cpu: float
    resident_kib: float


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        source = _unzipped(Path(folder, "source"), byte_code=False)
        byte_code = _unzipped(Path(folder, "byte-code"), byte_code=True)
        contenders = (
            Contender(name="payments", program="ours", path=source),
            Contender(name="payments, with byte code", program="ours", path=byte_code),
            Contender(name='boto3.client("dynamodb")', program="bare", path=source),
        )
        starts = _medians(contenders)
    ours, compiled, bare = starts
    print(f"Import and first client; medians of {ROUNDS} fresh processes each.\n")
    print(f"{'':<28}{'wall ms':>10}{'CPU ms':>10}{'RSS MiB':>10}{'wall x':>9}{'RSS x':>9}")
    for contender, start in zip(contenders, starts, strict=True):
        print(
            f"{contender.name:<28}{start.wall * 1_000:>10.1f}{start.cpu * 1_000:>10.1f}"
            f"{start.resident_kib / 1_024:>10.1f}{start.wall / bare.wall:>9.3f}"
            f"{start.resident_kib / bare.resident_kib:>9.3f}"
        )
    print_ratios(
        (
            Ratio("cold_start.payments", ours.wall / bare.wall, "<= 1.1"),
            Ratio("cold_start.payments.rss", ours.resident_kib / bare.resident_kib, "<= 1.1"),
            Ratio("cold_start.payments_byte_code", compiled.wall / bare.wall),
            Ratio("cold_start.payments_byte_code.rss", compiled.resident_kib / bare.resident_kib),
        )
    )


def _unzipped(folder: Path, *, byte_code: bool) -> Path:
    major, minor, _ = platform.python_version_tuple()
    target = Platform(python=f"{major}.{minor}", architecture=_ARCHITECTURES[platform.machine()], byte_code=byte_code)
    asset = build_asset(HandlerPackage(path=PROJECT / "lambdas" / "payments"), target)
    with zipfile.ZipFile(asset.path) as archive:
        archive.extractall(folder)
    for path in folder.rglob("*"):
        os.utime(path, (ZIP_EPOCH_SECONDS, ZIP_EPOCH_SECONDS))
    return folder


def _medians(contenders: Sequence[Contender]) -> list[Start]:
    """Start each contender in turn, round by round, after one round that only warms the machine's file cache."""
    rounds = [[_start(contender) for contender in contenders] for _ in range(ROUNDS + 1)][1:]
    return [_median(starts) for starts in zip(*rounds, strict=True)]


def _median(starts: Sequence[Start]) -> Start:
    return Start(
        wall=statistics.median(start.wall for start in starts),
        cpu=statistics.median(start.cpu for start in starts),
        resident_kib=statistics.median(start.resident_kib for start in starts),
    )


def _start(contender: Contender) -> Start:
    variables = {
        **receiver_environment("items").to_environment(),
        **PaymentsEnvironment(payments_table_name="payments").to_environment(),
        "PYTHONPATH": str(contender.path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    child = subprocess.run(  # noqa: S603
        [PYTHON, PROJECT / "benchmarks" / "cold_start" / "start.py", contender.program],
        cwd=contender.path,
        env=child_environment(**variables),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Start(**json.loads(child.stdout))


if __name__ == "__main__":
    main()
