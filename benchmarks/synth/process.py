"""One synthesis in a fresh process, and what it took: wall clock, and CPU of Python and of the CDK's Node together."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Cost
from benchmarks.paths import PROJECT, child_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An app that is synthesized.

    Attributes:
        name: How the report calls it.
        program: The script.
        output: Folder of the cloud assembly, which one synthesis after the other writes.
        variables: Variables of its environment, besides those that every contender has.
    """

    name: str
    program: Path
    output: Path
    variables: Mapping[str, str] = field(default_factory=dict)


def synthesize(contender: Contender) -> Cost:
    """Synthesize an app.

    Raises:
        CalledProcessError: It failed.
    """
    environment = child_environment(
        **{name: os.environ[name] for name in os.environ if name.startswith("JSII_")},
        HOME=os.environ.get("HOME", "/"),
        CDK_OUTDIR=str(contender.output),
        CDK_VALIDATION="false",
        **contender.variables,
    )
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, str(contender.program)], env=environment, cwd=PROJECT)  # noqa: S603
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, contender.name)
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def in_turn(contenders: Sequence[Contender], rounds: int) -> list[list[Cost]]:
    """Synthesize each app in turn, round by round, and return the costs of each.

    One round before fills the caches. Each contender is first as often, because the machine changes within a round.
    """
    costs: list[list[Cost]] = [[] for _ in contenders]
    for number in range(-1, rounds):
        for place in range(len(contenders)):
            which = (place + number) % len(contenders)
            cost = synthesize(contenders[which])
            if number >= 0:
                costs[which].append(cost)
    return costs
