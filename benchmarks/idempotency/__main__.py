"""`make bench-idempotency`: tables of what batches cost, then the ratios."""

# ruff: noqa: T201 - a report is printed

from collections.abc import Mapping, Sequence

from benchmarks.dynamodb.process import running_server
from benchmarks.figures import Ratio, print_ratios
from benchmarks.idempotency.cpu_share import limit_of
from benchmarks.idempotency.rounds import Contender, Match, Standing, play

DELAY_MS = 5
SMALL_MEMORY_MB = 128

OURS = Contender(name="ours", function="ours:without_transaction")
PLAIN_PUT = Contender(name="plain put", function="plain_put:without_transaction")
POWERTOOLS = Contender(name="Powertools", function="powertools:without_transaction")
OURS_AND_WRITE = Contender(name="ours + write", function="ours:with_transaction", writes_payments=True)
OURS_EACH = Contender(name="ours, one by one", function="ours:with_a_transaction_each", writes_payments=True)
POWERTOOLS_AND_WRITE = Contender(
    name="Powertools + write", function="powertools:with_business_write", writes_payments=True
)

Standings = Mapping[str, Standing]


def main() -> None:
    """Measure, and print."""
    limit, means = limit_of(SMALL_MEMORY_MB)
    alone = (OURS, PLAIN_PUT, POWERTOOLS)
    with_effect = (OURS_AND_WRITE, OURS_EACH, POWERTOOLS_AND_WRITE)
    matches = (
        Match(title="10 new messages", contenders=alone, size=10, batches=10, rounds=7),
        Match(title="10 new messages, with a transaction", contenders=with_effect, size=10, batches=10, rounds=7),
        Match(title="10 new messages, small function", contenders=alone, size=10, batches=3, rounds=5, limit=limit),
        Match(title="1,000 new messages", contenders=alone, size=1_000, batches=1, rounds=3),
    )
    print(f"A DynamoDB on 127.0.0.1, {DELAY_MS} ms added to each call; medians of fresh processes, for one batch.")
    print(f"The small function has the processor share of {SMALL_MEMORY_MB} MB: {means}.")
    with running_server(DELAY_MS) as server:
        standings = [_played(match, play(match, server)) for match in matches]
    print_ratios(_ratios(*standings))


def _played(match: Match, standings: Standings) -> Standings:
    print(f"\n{match.title:<38}{'calls':>8}{'wall ms':>10}{'CPU ms':>10}{'wall x':>9}{'CPU x':>9}")
    last = standings[match.contenders[-1].name].cost
    for name, standing in standings.items():
        cost = standing.cost
        print(
            f"  {name:<36}{standing.calls:>8.1f}{cost.wall * 1_000:>10.1f}{cost.cpu * 1_000:>10.1f}"
            f"{cost.wall / last.wall:>9.3f}{cost.cpu / last.cpu:>9.3f}",
            flush=True,
        )
    return standings


def _ratios(ten: Standings, effect: Standings, small: Standings, thousand: Standings) -> Sequence[Ratio]:
    def wall(standings: Standings, ours: Contender, theirs: Contender) -> float:
        return standings[ours.name].cost.wall / standings[theirs.name].cost.wall

    def cpu(standings: Standings, ours: Contender, theirs: Contender) -> float:
        return standings[ours.name].cost.cpu / standings[theirs.name].cost.cpu

    return (
        Ratio("idempotency.wall.10", wall(ten, OURS, POWERTOOLS), "<= 0.11"),
        Ratio("idempotency.cpu.10", cpu(ten, OURS, POWERTOOLS), "<= 0.14"),
        Ratio("idempotency.wall.1000", wall(thousand, OURS, POWERTOOLS), "<= 0.015"),
        Ratio("idempotency.cpu.1000", cpu(thousand, OURS, POWERTOOLS), "<= 0.06"),
        Ratio("idempotency.transaction.wall.10", wall(effect, OURS_AND_WRITE, POWERTOOLS_AND_WRITE), "<= 0.10"),
        Ratio("idempotency.transaction.cpu.10", cpu(effect, OURS_AND_WRITE, POWERTOOLS_AND_WRITE), "<= 0.15"),
        Ratio("idempotency.transaction_each.wall.10", wall(effect, OURS_EACH, POWERTOOLS_AND_WRITE)),
        Ratio("idempotency.small.wall.10", wall(small, OURS, POWERTOOLS), "<= 0.2"),
        Ratio("idempotency.transaction.calls.10", effect[OURS_AND_WRITE.name].calls, "= 2"),
        Ratio("idempotency.calls.10", ten[OURS.name].calls / 2, "<= 1 (2 calls)"),
        Ratio("idempotency.calls.1000", thousand[OURS.name].calls / 80, "<= 1 (80 calls)"),
    )


if __name__ == "__main__":
    main()
