"""One run over one batch: claim all messages, run them in waves, settle, give back the rest."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.receiving.batch import Batch, BatchMessage, Lane
from tsunagu.runtime.receiving.claiming import Claiming
from tsunagu.runtime.receiving.heartbeats import Heartbeats
from tsunagu.runtime.receiving.parked import Turn
from tsunagu.runtime.receiving.runner import MessageRunner
from tsunagu.runtime.receiving.settlement import Settlement

if TYPE_CHECKING:
    from tsunagu.runtime.receiving.parking import Parking

PayloadT = TypeVar("PayloadT")


class Invocation(Generic[PayloadT]):
    """Conducts one run over one batch.

    Args:
        claiming: Claims messages.
        runner: Runs one message.
        settlement: Writes the outcomes.
        heartbeats: Hides messages while they are in hand.
        concurrency: Messages of a standard queue that run at the same time.
        parking: Parks messages behind a dead one. Default: none is parked.
    """

    def __init__(
        self,
        claiming: Claiming,
        runner: MessageRunner[PayloadT],
        settlement: Settlement,
        heartbeats: Heartbeats,
        *,
        concurrency: int,
        parking: "Parking | None" = None,
    ) -> None:
        self._claiming = claiming
        self._runner = runner
        self._settlement = settlement
        self._heartbeats = heartbeats
        self._concurrency = concurrency
        self._parking = parking

    def run(self, batch: Batch[PayloadT]) -> None:
        """Claim all messages, run those that are new, suspects last and alone, and give back what did not start."""
        self._claiming.claim_all(batch.messages)
        self._heartbeats.begin([message for message in batch.messages if message.claim is not None])
        if self._concurrency > 1:
            self._run_together([lane for lane in batch.lanes if len(lane) == 1 and not lane[0].delivery.is_fifo])
        self._run_alone(self._run_in_waves(batch.lanes))
        for message in batch.messages:
            if message.claim is not None:
                self._settlement.release(message, message.claim)
        self._settlement.flush()

    def _run_in_waves(self, lanes: Sequence[Lane[PayloadT]]) -> list[Lane[PayloadT]]:
        """Run the heads of all lanes, then the messages behind them, and so on; a wave shares the writes at its end.

        Returns:
            The lanes that a suspect heads, from there on.
        """
        with_suspects = []
        while lanes:
            wave = []
            for lane in lanes:
                if _is_suspect(lane[0].message):
                    with_suspects.append(lane)
                else:
                    wave.append(lane)
                    self._settlement.flush_when_due()
                    self._advance(lane)
            lanes = self._behind(wave)
        return with_suspects

    def _run_alone(self, lanes: Sequence[Lane[PayloadT]]) -> None:
        """Run what is left of lanes, one message after the other, those with the fewest attempts first.

        A message that kills its worker is counted with each kill. So after one kill, its neighbours run before it.
        """
        numbers = count()  # of lanes with as many attempts, the one that has waited longest goes first
        waiting = [(_attempts(lane[0].message), next(numbers), lane) for lane in lanes]
        heapify(waiting)
        while waiting:
            *_, lane = heappop(waiting)
            self._settlement.flush()
            self._advance(lane)
            for rest in self._behind([lane]):
                heappush(waiting, (_attempts(rest[0].message), next(numbers), rest))

    def _behind(self, lanes: Sequence[Lane[PayloadT]]) -> list[Lane[PayloadT]]:
        """Return what is behind the heads of lanes. A lane ends at a head that SQS may not delete."""
        longer = [lane for lane in lanes if len(lane) > 1]
        if longer:  # nothing waits for the outcomes of the others, so they share the next write
            self._settlement.flush()
        return [lane[1:] for lane in longer if lane[0].delivery.message_id in lane[0].message.confirmed]

    def _advance(self, lane: Lane[PayloadT]) -> None:
        message = lane[0].message
        if not message.was_advanced and (self._parking is None or not self._park(lane, self._parking)):
            message.was_advanced = True
            self._runner.advance(message)

    def _park(self, lane: Lane[PayloadT], parking: "Parking") -> bool:
        """Park the head of a lane if it may not run, and those behind it that may not: they share their writes.

        Returns:
            Whether the head may not run.
        """
        head = lane[0].message
        turn = Turn.RUNS if head.claim is None else parking.turn(head)
        if turn is Turn.LATER and head.claim is not None:
            head.was_advanced = True
            self._settlement.release(head, _taken(head, head.claim), delay_seconds=0.0)
        for message in (entry.message for entry in lane if not entry.message.was_advanced):
            if message.claim is None or parking.turn(message) is not Turn.PARKED:
                break
            message.was_advanced = True
            claim = _taken(message, message.claim)
            self._settlement.park(message, claim, parking.dead(message, claim.item.id))
        return turn is not Turn.RUNS

    def _run_together(self, lanes: Sequence[Lane[PayloadT]]) -> None:
        """Run single messages at the same time, in threads; settle their outcomes in this thread."""
        messages = [message for (entry,) in lanes if self._is_ready(message := entry.message)]
        with ThreadPoolExecutor(self._concurrency) as threads:
            for message, attempt in zip(messages, threads.map(self._runner.attempt, messages), strict=True):
                if attempt is not None and message.claim is not None:
                    claim, message.claim = message.claim, None
                    self._runner.conclude(message, claim, attempt)
                    self._settlement.flush_when_due()

    @staticmethod
    def _is_ready(message: BatchMessage[PayloadT]) -> bool:
        """Whether a message may run beside others. Its second record, in another lane, must not start it again."""
        is_ready = not message.was_advanced and message.problem is None
        is_ready = is_ready and message.claim is not None and not message.claim.is_suspect
        message.was_advanced = message.was_advanced or is_ready
        return is_ready


def _is_suspect(message: BatchMessage[PayloadT]) -> bool:
    return message.claim is not None and message.claim.is_suspect


def _attempts(message: BatchMessage[PayloadT]) -> int:
    return message.claim.item.attempts if message.claim is not None else 0


def _taken(message: BatchMessage[PayloadT], claim: Claim) -> Claim:
    """Return the claim of a message, which is settled from now on."""
    message.claim = None
    return claim
