"""Open runs: those in the index of runs that nobody has seen ended yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tsunagu.contracts.pipeline import run_partition
from tsunagu.contracts.requests import SHARDS
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.pipeline.journal import Found, is_done
from tsunagu.runtime.pipeline.run_reader import RunReader, started_run
from tsunagu.runtime.pipeline.unfinished_run import Cause, UnfinishedRun, Wait

STARTS_AT_ONCE = 25  # an item may have 400 KB, and a call reads 100 items of 16 MB


class OpenRunIndex(Protocol):
    """The index of open runs."""

    def pages(self, partition: str, until_ms: int) -> Iterator[Sequence[str]]:
        """Return pages of the ids of starts that were committed until then, oldest first, as of a moment ago.

        Args:
            partition: The partition; see `contracts.pipeline.run_partition`.
            until_ms: In milliseconds since the epoch.

        Raises:
            UnavailableError: The store did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Starts of the index, as the table has them.

    Attributes:
        over: Those that nobody waits for: the run is over, or a later run of its request is; or the key was claimed
            again, after the item had expired.
        unfinished: The others.
    """

    over: Sequence[Item]
    unfinished: Sequence[UnfinishedRun]


class OpenRuns:
    """Looks at the open runs of one pipeline.

    Args:
        pipeline: Name of the pipeline.
        runs: Reads runs.
        index: Finds the starts of open runs.
    """

    def __init__(self, pipeline: str, runs: RunReader, index: OpenRunIndex) -> None:
        self._runs = runs
        self._index = index
        self.partitions = [run_partition(pipeline, digit) for digit in SHARDS]

    def pages(self, partition: str, until_ms: int) -> Iterator[LookedAt]:
        """Look at the starts of a partition that were committed until then, some at a time, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
        for page in self._index.pages(partition, until_ms):
            for first in range(0, len(page), STARTS_AT_ONCE):
                yield self._look_at(page[first : first + STARTS_AT_ONCE])

    def _look_at(self, start_ids: Sequence[str]) -> LookedAt:
        found = self._runs.read(start_ids)
        runs = {each: run for each, item in found.items() if isinstance(item, Item) and (run := started_run(item))}
        over = {run.start.id for run in self._runs.over([*runs.values()])}
        over |= {each for each, run in runs.items() if each not in over and self._runs.is_replayed(run)}
        over |= {each for each, item in found.items() if isinstance(item, Item) and not is_done(item)}
        unfinished = [
            self._runs.unfinished(runs[each]) if each in runs else _unreadable(each, item)
            for each, item in found.items()
            if item is not None and each not in over
        ]
        return LookedAt([item for each, item in found.items() if isinstance(item, Item) and each in over], unfinished)


def _unreadable(start_id: str, item: Found) -> UnfinishedRun:
    known = item if isinstance(item, Item) else None
    since_ms = known.updated if known else 0
    reason = item.unreadable if isinstance(item, Verdict) else ""
    return UnfinishedRun(
        start_id=start_id,
        request_id=known.request_id if known else "",
        run_id="",
        started_ms=since_ms,
        waits=(Wait(step="", service="", cause=Cause.UNREADABLE, since_ms=since_ms, reason=reason),),
    )
