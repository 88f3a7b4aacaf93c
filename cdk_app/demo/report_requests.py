"""Plans requests for reports from a seed: good ones, copies of some, invalid ones, and one that always fails."""

import json
import random
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

MONTHS = 24  # so that few reports are registered in the same total at once
COPIES = 3
# Regions whose sales cannot be read at any attempt, or not at the first one, in the test mode of the warehouse.
BROKEN, FLAKY, UNKNOWN = "broken-", "flaky-", "moon-"
REGIONS = ("east", "north", "south", "west", None)
ENDLESS_SECONDS = 600
ROWS = ("day", "article", "region")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReport:
    """A request to send.

    Attributes:
        name: Name of the request in findings.
        month: The month that it asks for.
        body: Text of its body.
        key: Its idempotency key.
        copies: How often it is sent, with the same key.
        failure: A part of the reason with which it must fail; None when it must not fail.
        is_cancelled: Whether it is cancelled after it was sent.
        flaw: What is wrong with it; None when it is valid.
    """

    name: str
    month: str
    body: str
    key: str
    copies: int = 1
    failure: str | None = None
    is_cancelled: bool = False
    flaw: str | None = None

    @property
    def is_worked(self) -> bool:
        """Whether it must have an effect."""
        return not (self.failure or self.is_cancelled or self.flaw)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportShape:
    """How many requests of each kind.

    Attributes:
        reports: Good requests.
        copied: Good requests that are sent three times.
        broken: Requests of which every attempt fails.
        cancelled: Requests that are cancelled before they start.
        longest_seconds: How long a good report takes at most.
        flaky: Requests of which the first attempt fails. Default: none.
        refused: Requests that the worker refuses at once. Default: none.
        endless: Requests whose work takes longer than the function may, in every attempt. Default: none.
    """

    reports: int
    copied: int
    broken: int
    cancelled: int
    longest_seconds: int
    flaky: int = 0
    refused: int = 0
    endless: int = 0


# What is wrong with an invalid request, and its body.
FLAWS: Mapping[str, str] = {
    "no JSON": '{"month": "2026-01"',
    "no month": "{}",
    "month as a number": '{"month": 202601}',
    "rows that no report has": '{"month": "2026-01", "rows": "hour"}',
    "seconds as text": '{"month": "2026-01", "seconds": "1"}',
}


def plan_reports(seed: int, name: str, shape: ReportShape, *, first_year: int) -> list[PlannedReport]:
    """Return different requests in the order of sending; those to be cancelled come last.

    Args:
        seed: The same seed and name give the same requests.
        name: The name of each request begins with it.
        shape: How many of each kind.
        first_year: Their months are those of this year and of the next one, 1900 to 2999.
    """
    source = random.Random(f"{seed} {name}")  # noqa: S311 - requests must be the same each time
    months = [f"{first_year + number // 12}-{number % 12 + 1:02}" for number in range(MONTHS)]
    copied = source.sample(range(shape.reports), k=shape.copied)
    good = [
        _request(
            source,
            f"{name}-{number}",
            source.choice(months),
            {
                "region": source.choice(REGIONS),
                "rows": source.choice(ROWS),
                "seconds": source.randint(0, shape.longest_seconds),
            },
        )
        for number in range(shape.reports)
    ]
    for number in copied:
        good[number] = replace(good[number], copies=COPIES)
    failing = [
        replace(
            _request(source, f"{name}-{prefix}{number}", months[0], {"region": f"{prefix}{number}"}), failure=reason
        )
        for prefix, count, reason in (
            (BROKEN, shape.broken, "OSError"),
            (UNKNOWN, shape.refused, "region must be one of"),
            (FLAKY, shape.flaky, None),
        )
        for number in range(count)
    ]
    failing += [
        replace(
            _request(source, f"{name}-endless-{number}", months[0], {"seconds": ENDLESS_SECONDS}),
            failure="killed in attempt",
        )
        for number in range(shape.endless)
    ]
    flawed = [
        PlannedReport(name=f"{name}: {flaw}", month="", body=body, key=_key(source), flaw=flaw)
        for flaw, body in FLAWS.items()
    ]
    mixed = [*good, *failing, *flawed]
    source.shuffle(mixed)
    cancelled = [
        replace(_request(source, f"{name}-cancelled-{number}", months[0], {}), is_cancelled=True)
        for number in range(shape.cancelled)
    ]
    return [*mixed, *cancelled]


def expected_totals(reports: Sequence[PlannedReport]) -> Mapping[str, int]:
    """Return how many reports of each month must be registered."""
    return Counter(report.month for report in reports if report.is_worked)


def _request(source: random.Random, name: str, month: str, fields: Mapping[str, object]) -> PlannedReport:
    given = {field: value for field, value in fields.items() if value is not None}
    return PlannedReport(name=name, month=month, body=json.dumps({"month": month, **given}), key=_key(source))


def _key(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
