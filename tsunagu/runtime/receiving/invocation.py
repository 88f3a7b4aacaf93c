"""One run over one batch: claim all messages, run them lane by lane, settle, give back the rest."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from tsunagu.runtime.receiving.batch import Batch, BatchMessage, Lane
from tsunagu.runtime.receiving.claiming import Claiming
from tsunagu.runtime.receiving.heartbeats import Heartbeats
from tsunagu.runtime.receiving.runner import MessageRunner
from tsunagu.runtime.receiving.settlement import Settlement

PayloadT = TypeVar("PayloadT")


class Invocation(Generic[PayloadT]):
    """Conducts one run over one batch.

    Args:
        claiming: Claims messages.
        runner: Runs one message.
        settlement: Writes the outcomes.
        heartbeats: Hides messages while they are in hand.
        concurrency: Messages of a standard queue that run at the same time.
    """

    def __init__(
        self,
        claiming: Claiming,
        runner: MessageRunner[PayloadT],
        settlement: Settlement,
        heartbeats: Heartbeats,
        *,
        concurrency: int = 1,
    ) -> None:
        self._claiming = claiming
        self._runner = runner
        self._settlement = settlement
        self._heartbeats = heartbeats
        self._concurrency = concurrency

    def run(self, batch: Batch[PayloadT]) -> None:
        """Claim all messages, run those that are new, suspects last and alone, and give back what did not start."""
        self._claiming.claim_all(batch.messages)
        self._heartbeats.begin([message for message in batch.messages if message.claim is not None])
        if self._concurrency > 1:
            self._run_together([lane for lane in batch.lanes if len(lane) == 1 and lane[0].delivery.group_id is None])
        rests = [rest for lane in batch.lanes if (rest := self._run_lane(lane, with_suspects=False))]
        for rest in rests:
            self._settlement.flush()
            self._run_lane(rest, with_suspects=True)
        for message in batch.messages:
            if message.claim is not None:
                self._settlement.release(message, message.claim)
        self._settlement.flush()

    def _run_lane(self, lane: Lane[PayloadT], *, with_suspects: bool) -> Lane[PayloadT]:
        """Run a lane in order, until SQS may not delete one of its messages.

        Returns:
            The rest of the lane, if a suspect heads it and suspects do not run yet; else nothing.
        """
        for index, entry in enumerate(lane):
            message = entry.message
            if message.claim is not None and message.claim.is_suspect and not with_suspects:
                return lane[index:]
            if not message.was_advanced:
                message.was_advanced = True
                self._runner.advance(message)
            is_last = index == len(lane) - 1
            if is_last:
                break  # no message of the lane waits for this outcome, so it shares the next write
            self._settlement.flush()
            if entry.delivery.message_id not in message.confirmed:
                break
        return ()

    def _run_together(self, lanes: Sequence[Lane[PayloadT]]) -> None:
        """Run single messages at the same time, in threads; settle their outcomes in this thread."""
        messages = [message for (entry,) in lanes if self._is_ready(message := entry.message)]
        with ThreadPoolExecutor(self._concurrency) as threads:
            for message, attempt in zip(messages, threads.map(self._runner.attempt, messages), strict=True):
                if attempt is not None and message.claim is not None:
                    claim, message.claim = message.claim, None
                    self._runner.conclude(message, claim, attempt)

    @staticmethod
    def _is_ready(message: BatchMessage[PayloadT]) -> bool:
        """Whether a message may run beside others. Its second record, in another lane, must not start it again."""
        is_ready = not message.was_advanced and message.problem is None
        is_ready = is_ready and message.claim is not None and not message.claim.is_suspect
        message.was_advanced = message.was_advanced or is_ready
        return is_ready
