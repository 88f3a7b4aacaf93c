"""`make bench-cold-start`: import and first client of the payments function's asset, then the ratios.

The asset is unzipped as Lambda has it: every file dated 1980, and nothing written beside it. It is measured as the
stages of cdk.json build it, from source alone, and once more with byte code, as a stage has it whose `byte_code` is on.
"""

# ruff: noqa: T201 - a report is printed

import json
import operator
import os
import statistics
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import PROJECT, PYTHON, child_environment
from benchmarks.receiver_environment import receiver_environment
from cdk_app.handler_packages import handler_package
from cdk_app.settings import EMBEDDED_STAGE, load_settings
from lambdas.contracts.payments import PaymentsEnvironment
from tsunagu.cdk import Platform, build_asset

ROUNDS = 31
ZIP_EPOCH_SECONDS = 315_532_800  # 1980-01-01


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


Figure = Callable[[Start], float]
_wall, _cpu, _resident = (operator.attrgetter(name) for name in ("wall", "cpu", "resident_kib"))


def main() -> None:
    """Measure, and print."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    platform = load_settings(context["tsunagu"], EMBEDDED_STAGE).platform
    with tempfile.TemporaryDirectory() as folder:
        source = _unzipped(Path(folder, "source"), replace(platform, byte_code=False))
        byte_code = _unzipped(Path(folder, "byte-code"), replace(platform, byte_code=True))
        contenders = (
            Contender(name="payments", program="ours", path=source),
            Contender(name="payments, with byte code", program="ours", path=byte_code),
            Contender(name='boto3.client("dynamodb")', program="bare", path=source),
        )
        rounds = _rounds(contenders)
    ours, compiled, bare = columns = [*zip(*rounds, strict=True)]
    print(f"Import and first client, Python {platform.python}; medians of {ROUNDS} fresh processes each.\n")
    print(f"{'':<28}{'wall ms':>10}{'CPU ms':>10}{'RSS MiB':>10}{'wall x':>9}{'RSS x':>9}")
    for contender, starts in zip(contenders, columns, strict=True):
        print(
            f"{contender.name:<28}{_median(starts, _wall) * 1_000:>10.1f}{_median(starts, _cpu) * 1_000:>10.1f}"
            f"{_median(starts, _resident) / 1_024:>10.1f}"
            f"{_ratio(starts, bare, _wall):>9.3f}{_ratio(starts, bare, _resident):>9.3f}"
        )
    print_ratios(
        (
            Ratio("cold_start.payments", _ratio(ours, bare, _wall), "<= 1.1"),
            Ratio("cold_start.payments.rss", _ratio(ours, bare, _resident), "<= 1.1"),
            Ratio("cold_start.payments.cpu", _ratio(ours, bare, _cpu)),
            Ratio("cold_start.payments.byte_code", _ratio(compiled, bare, _wall)),
            Ratio("cold_start.payments.byte_code.rss", _ratio(compiled, bare, _resident)),
        )
    )


def _unzipped(folder: Path, platform: Platform) -> Path:
    asset = build_asset(handler_package("payments"), platform)
    with zipfile.ZipFile(asset.path) as archive:
        archive.extractall(folder)
    for path in folder.rglob("*"):
        os.utime(path, (ZIP_EPOCH_SECONDS, ZIP_EPOCH_SECONDS))
    return folder


def _rounds(contenders: Sequence[Contender]) -> list[list[Start]]:
    """Start each contender in turn, round by round, after one round that only warms the machine's file cache."""
    return [[_start(contender) for contender in contenders] for _ in range(ROUNDS + 1)][1:]


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


def _median(starts: Sequence[Start], figure: Figure) -> float:
    return statistics.median(map(figure, starts))


def _ratio(ours: Sequence[Start], theirs: Sequence[Start], figure: Figure) -> float:
    """Return the median of the rounds' ratios: the machine changes between rounds."""
    return statistics.median(figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
