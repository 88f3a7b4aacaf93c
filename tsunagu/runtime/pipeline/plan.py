"""Plans a run: makes its envelope from a command, and stores its input."""

from collections.abc import Mapping
from dataclasses import replace

from tsunagu.contracts.claims import input_key, request_key
from tsunagu.runtime.claim_check import ClaimCheck, Inline, Part, inline_limit
from tsunagu.runtime.pipeline.commands import Command, ReplayCommand, StepInput
from tsunagu.runtime.pipeline.envelope import Envelope, attributes_of
from tsunagu.runtime.pipeline.journal import Journal
from tsunagu.runtime.pipeline.replay import StoredInput, base_run_id, runs_of, stored_input
from tsunagu.runtime.sending.outbox import Outbox


class Planner:
    """Plans runs.

    Args:
        journal: The journal of the pipeline.
        claim_check: Stores large JSON.
        inline_bytes: Largest JSON that travels in a message.
    """

    def __init__(self, journal: Journal, claim_check: ClaimCheck, *, inline_bytes: int) -> None:
        self._journal = journal
        self._claim_check = claim_check
        self._inline_bytes = inline_bytes

    def envelope(self, command: Command, *, request_id: str, run_id: str, hop: int = 1) -> Envelope:
        """Return the envelope of a new run, and write the objects that it refers to.

        Raises:
            UnknownRequestError: No run of the request to be replayed is stored.
            NoStoredInputError: No run of it has the input of the step.
            PayloadTooLargeError: A part is larger than the pipeline accepts.
            InvalidMessageError: A part is not JSON.
            ObjectDeniedError: The object store refused.
            UnavailableError: A store did not answer.
        """
        found = self._input(command)
        run = Envelope(
            request_id=request_id,
            run_id=run_id,
            pipeline=self._journal.pipeline.name,
            step=command.step.name,
            hop=hop,
            request=found.request,
            only=command.only if isinstance(command, ReplayCommand) else None,
            base_run_id=found.base_run_id,
        )
        return self._kept(run, found)

    def announce(
        self, envelope: Envelope, outbox: Outbox, trace_context: str | None, *, group_id: str | None = None
    ) -> None:
        """Put the message to the step into an outbox. Its text is the result of the item, which is the envelope.

        Args:
            envelope: The envelope of the run.
            outbox: The outbox of the start.
            trace_context: X-Ray header to carry on.
            group_id: Message group, so that the queues of the services are fair. Default: none.
        """
        topic_arn = self._journal.pipeline.step(envelope.step).topic_arn
        outbox.publish(topic_arn, None, attributes=attributes_of(envelope, trace_context), group_id=group_id)

    def _input(self, command: Command) -> StoredInput:
        if not isinstance(command, ReplayCommand):
            return _given(command.given, None)
        runs = runs_of(self._journal, command.request_id)
        if command.given is None:
            return stored_input(self._journal, runs, command.step, command.only)
        base = base_run_id(self._journal, runs, command.step, command.only) if command.only is not None else None
        return _given(command.given, base)

    def _kept(self, run: Envelope, found: StoredInput) -> Envelope:
        """Return the envelope with large parts stored as objects. A part that is an object already stays as it is."""
        limit = inline_limit(self._inline_bytes, parts_of_item=len(found.results) + 1)

        def kept(part: Part, key: str) -> Part:
            return self._claim_check.keep(part.value, key, inline_bytes=limit) if isinstance(part, Inline) else part

        ids = (run.pipeline, run.request_id, run.run_id)
        before = self._journal.pipeline.before(run.step)
        results = {
            service: kept(part, input_key(*ids, step=before.name, service=service))
            for service, part in found.results.items()
            if before is not None
        }
        return replace(run, request=kept(found.request, request_key(*ids)), results=results)


def _given(given: StepInput, base_run_id: str | None) -> StoredInput:
    results: Mapping[str, Part] = {service: Inline(value) for service, value in given.results.items()}
    return StoredInput(request=Inline(given.request), results=results, base_run_id=base_run_id)
