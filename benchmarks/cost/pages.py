"""Writes the tables of cost into the pages of the flows, and compares them: `python -m benchmarks.cost.pages`."""

import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.cost.idle import PLAIN, STAGE, idle_month
from benchmarks.cost.load import Load
from benchmarks.cost.patterns import PATTERNS, Pattern, headline, ratio
from benchmarks.cost.usage import Usage, million_usd, usd
from benchmarks.paths import PROJECT, WORK_FOLDER
from tsunagu.local.cdk_command import synthesize

DOCS = PROJECT / "docs"
OVERVIEW = DOCS / "performance.md"
ALL, IDLE = "all", "idle"
_IDLE_SERVICES = ("cloudwatch.", "kms.", "sqs.", "dynamodb.", "scheduler.")
SECTION = re.compile(
    r"(?P<begin><!-- made by make docs-pages: cost of (?P<name>[\w-]+) -->\n)(?P<text>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
LEAST_USD = 0.005
_SERVICES = {
    "api-gateway": "API Gateway",
    "cloudwatch": "logs",
    "dynamodb": "DynamoDB",
    "events": "the pipe",
    "kms": "KMS",
    "lambda": "Lambda",
    "s3": "S3",
    "scheduler": "the schedule",
    "sns": "SNS",
    "sqs": "SQS",
    "states": "Step Functions",
}


def pages() -> list[Path]:
    """Return the pages that have tables."""
    return [*(DOCS / f"{pattern.name}.md" for pattern in PATTERNS), OVERVIEW]


def with_tables(text: str, assembly: Path | None = None) -> str:
    """Return a page with its tables made anew.

    Args:
        text: The page.
        assembly: Folder of `cdk synth` of `idle.STAGE`. Default: the table of the month without a message stays.
    """

    def made(found: re.Match[str]) -> str:
        if found["name"] == IDLE and assembly is None:
            return found[0]
        return f"{found['begin']}{_table(found['name'], assembly)}\n{found['end']}"

    return SECTION.sub(made, text)


def _table(name: str, assembly: Path | None) -> str:
    if name == IDLE and assembly is not None:
        return _idle(assembly)
    if name == ALL:
        return _overview()
    (pattern,) = (each for each in PATTERNS if each.name == name)
    return f"{_loads_table(pattern)}\n\n{_parts(pattern)}"


def _loads_table(pattern: Pattern) -> str:
    headings = [f"a million {pattern.unit}", *(f"{name}, USD" for name in pattern.designs), "ours to plain"]
    rows = [[label, *_prices(pattern, load), f"{ratio(pattern, load):.2f}"] for label, load in pattern.loads.items()]
    return _markdown(headings, rows)


def _overview() -> str:
    headings = ["a million", "with", "ours, USD", "plain, USD", "ours to plain", "the plain design lacks"]
    rows = []
    for pattern in PATTERNS:
        load = headline(pattern)
        ours, plain, *_ = _prices(pattern, load)
        link = f"[{pattern.unit}]({pattern.name}.md#what-it-costs)"
        rows.append([link, f"`{pattern.construct}`", ours, plain, f"{ratio(pattern, load):.2f}", pattern.lacks])
    return _markdown(headings, rows)


def _idle(assembly: Path) -> str:
    """Return the table of a month without a message, of the stacks of the sample."""
    polls = ["polls of queues", "polls of streams"]
    headings = ["stack", "with", "alarms and metrics", "keys", *polls, "schedules", "together, USD"]
    rows = [
        [f"`{each.stack}`", f"`{each.construct}`", *_idle_prices(idle_month(assembly, each.stack))] for each in PATTERNS
    ]
    return _markdown(headings, [*rows, ["the plain function", "", *_idle_prices(PLAIN)]])


def _idle_prices(used: Usage) -> list[str]:
    prices = [sum(usd({name: used[name]}) for name in used if name.startswith(service)) for service in _IDLE_SERVICES]
    return [f"{price:.2f}" for price in (*prices, usd(used))]


def _prices(pattern: Pattern, load: Load) -> list[str]:
    return [f"{million_usd(design(load)):.2f}" for design in pattern.designs.values()]


def _parts(pattern: Pattern) -> str:
    """Return a sentence about the parts of the first row, the largest ones first."""
    load = headline(pattern)
    ours, plain = (_by_service(design(load)) for design in (pattern.ours, pattern.plain))
    parts = [
        f"{_SERVICES[name]} {value:.2f} (plain: {plain.get(name, 0.0):.2f})"
        for name, value in sorted(ours.items(), key=lambda part: -part[1])
        if value >= LEAST_USD
    ]
    return f"The parts of the first row: {', '.join(parts)}."


def _by_service(usage: Usage) -> dict[str, float]:
    prices: dict[str, float] = {}
    for name, units in usage.items():
        service = name.partition(".")[0]
        prices[service] = prices.get(service, 0.0) + million_usd({name: units})
    return prices


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    line: Callable[[list[str]], str] = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731 - one use a line
    return "\n".join([line(headings), line(["---"] * len(headings)), *map(line, rows)])


def main() -> None:
    """Write the tables."""
    assembly = synthesize(STAGE, WORK_FOLDER / "bench" / "cost" / "cdk.out")
    for page in pages():
        page.write_text(with_tables(page.read_text(encoding="utf-8"), assembly), encoding="utf-8")


if __name__ == "__main__":
    main()
