"""`make bench-synth`: the example beside hand-written CDK code, and functions whose dependencies did not change.

Both contenders of a pair make the same resources; `tests/benchmarks/test_synth.py` compares their templates. The ratios
are those of CPU time, user and system, of Python and of the CDK's Node, because the machine may do other work.

CDK's own validation of templates is off. It takes the same time for the same resources, and longer than all the rest.
"""

# ruff: noqa: T201 - a report is printed

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figures import Cost, Ratio, median_cost, print_ratios
from benchmarks.paths import PROJECT
from benchmarks.synth.packages import DEPENDENCY_BYTES, FUNCTIONS, write_packages, write_wheel
from benchmarks.synth.process import Contender, in_turn
from tsunagu.cdk import HandlerPackage, Platform, build_asset

ROUNDS = 11
EXAMPLE = PROJECT / "examples" / "invoices"
HERE = Path(__file__).parent


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=ROUNDS, help="synths of each contender")
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ratios = [
            *_compared("synth.same_resources", same_resources(folder), rounds, "<= 1.15"),
            *_compared("synth.unchanged", _unchanged(folder), rounds, "<= 1.25"),
        ]
    print_ratios(ratios)


def same_resources(folder: Path) -> list[Contender]:
    """Return the example of this repository, and the same stack in plain CDK code with the same zip file.

    Args:
        folder: Where they write.
    """
    code = build_asset(HandlerPackage(path=EXAMPLE / "invoices"), Platform()).path
    by_hand = HERE / "by_hand.py"
    return [
        Contender(name="examples/invoices", program=EXAMPLE / "app.py", output=folder / "ours"),
        Contender(name="the same by hand", program=by_hand, output=folder / "by-hand", variables={"CODE": str(code)}),
    ]


def _unchanged(folder: Path) -> list[Contender]:
    packages, wheels = folder / "packages", folder / "wheels"
    write_packages(packages / "large", write_wheel(wheels))
    write_packages(packages / "empty")
    offline = {
        "UV_FIND_LINKS": str(wheels),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "TSUNAGU_CACHE_DIR": str(folder / "cache"),
    }
    kinds = {f"{FUNCTIONS} functions of {DEPENDENCY_BYTES // 1_000_000} MB": "large", "the same, empty": "empty"}
    return [
        Contender(
            name=name,
            program=HERE / "functions.py",
            output=folder / f"out-{kind}",
            variables={**offline, "PACKAGES": str(packages / kind)},
        )
        for name, kind in kinds.items()
    ]


def _compared(name: str, contenders: Sequence[Contender], rounds: int, target: str) -> list[Ratio]:
    """Print what the contenders took, and return the ratios of the first one to the second."""
    costs = in_turn(contenders, rounds)
    print(f"{name}: medians of {len(costs[0])} fresh processes each\n")
    print(f"{'':<28}{'wall s':>10}{'CPU s':>10}")
    for contender, taken in zip(contenders, costs, strict=True):
        median = median_cost(taken)
        print(f"{contender.name:<28}{median.wall:>10.2f}{median.cpu:>10.2f}")
    print()
    return [
        Ratio(name, _ratio(costs, lambda cost: cost.cpu), target),
        Ratio(f"{name}.wall", _ratio(costs, lambda cost: cost.wall)),
    ]


def _ratio(costs: Sequence[Sequence[Cost]], figure: Callable[[Cost], float]) -> float:
    """Return the median of the rounds' ratios: the machine changes between rounds."""
    ours, theirs = costs
    return statistics.median(figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
