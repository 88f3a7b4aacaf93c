"""What a test hands over to be sent, and the message that the handler's queue gets for it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tsunagu.contracts import schedules
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE
from tsunagu.contracts.requests import message_body
from tsunagu.runtime.claim_check import Inline
from tsunagu.runtime.clock import new_request_id
from tsunagu.runtime.pipeline.envelope import Envelope, attributes_of
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.testing.fakes import START_MS
from tsunagu.testing.handlers.places import PIPELINE, STEP
from tsunagu.testing.requests import accepted

if TYPE_CHECKING:
    from tsunagu.testing.handlers.stage import HandlerStage

RUN_BOUND_MS = 900_000  # of the lease of a job


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing that a test sends.

    Attributes:
        number: Its number, from 1, in the order of the sends: the message is `m-1`.
        text: The payload as text.
        attributes: Message attributes.
        group_id: Message group.
        results: Of a pipeline's service: results of the step before, by service.
        caller: Of an accepted request: who sent it.
        content_type: Of an accepted request.
    """

    number: int
    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    group_id: str | None = None
    results: Mapping[str, Any] = field(default_factory=dict)
    caller: str = "alice"
    content_type: str = "application/json"

    @property
    def message_id(self) -> str:
        """Id of its message."""
        return f"m-{self.number}"

    def put(self, stage: "HandlerStage") -> None:
        """Send it to the queue of the handler, as what is before the handler does."""
        start = stage.scene.start
        make = {
            "pipeline_service": self._envelope,
            "scheduled_job": self._run,
            "accepted_request": self._request,
        }.get(start.decorator, self._plain)
        message = make(stage)
        attributes = {**message.attributes, **{name: Attribute("String", v) for name, v in self.attributes.items()}}
        is_fifo = stage.scene.settings.fifo
        group_id = message.group_id or self.group_id or ("group" if is_fifo else None)
        stage.queue.put(
            OutgoingMessage(
                body=message.body,
                attributes=attributes,
                group_id=group_id,
                deduplication_id=f"deduplication-{self.number}" if is_fifo else None,
            ),
            self.message_id,
        )

    def _plain(self, _stage: "HandlerStage") -> OutgoingMessage:
        return OutgoingMessage(body=self.text)

    def _envelope(self, _stage: "HandlerStage") -> OutgoingMessage:
        request_id, run_id = (_uuid7(self.text, purpose) for purpose in ("request", "run"))
        envelope = Envelope(
            request_id=request_id,
            run_id=run_id,
            pipeline=PIPELINE,
            step=STEP,
            hop=1,
            request=Inline(json.loads(self.text)),
            results={name: Inline(value) for name, value in self.results.items()},
        )
        attributes = {**attributes_of(envelope, None), REQUEST_ID_ATTRIBUTE: request_id}
        return OutgoingMessage(
            body=envelope.encode(), attributes={name: Attribute("String", value) for name, value in attributes.items()}
        )

    def _run(self, stage: "HandlerStage") -> OutgoingMessage:
        job, execution = stage.scene.start.name, f"arn:aws:states:eu-central-1:111122223333:execution:Job:{self.number}"
        slot = datetime.fromtimestamp(stage.ms // 1_000 + self.number, UTC).strftime(schedules.SLOT_FORMAT)
        lease = stage.store.jobs.take(job, execution, slot, now_ms=stage.ms, bound_ms=RUN_BOUND_MS)
        if lease is None:
            msg = "a run must be sent while no other run has the lease of the job: run() ends the one before"
            raise ValueError(msg)
        message = JobMessage(
            job=job,
            run=lease.run,
            slot=slot,
            execution=execution,
            task_token=f"task-{self.number}",
            slice=0,
            checkpoint=json.loads(self.text),
        )
        return OutgoingMessage(body=message.to_json(), group_id=None)

    def _request(self, stage: "HandlerStage") -> OutgoingMessage:
        record = accepted(
            self.text,
            scope=stage.scene.start.name,
            caller=self.caller,
            request_id=f"r-{self.number}",
            content_type=self.content_type,
            now_ms=stage.ms,
        )
        stage.store.accept(record)
        return OutgoingMessage(body=message_body(record.item.id))


def text_of(payload: object) -> str:
    """Return a payload as text: JSON of a mapping, a dataclass or a pydantic model; text stays as it is."""
    if isinstance(payload, str):
        return payload
    dump = getattr(payload, "model_dump_json", None)
    if dump is not None:
        return str(dump())
    if dataclasses.is_dataclass(payload) and not isinstance(payload, type):
        payload = dataclasses.asdict(payload)
    return json.dumps(payload, default=str)


def _uuid7(text: str, purpose: str) -> str:
    """Return an id that is always the same one for a payload: a copy of a message is one of the same run."""
    return new_request_id(START_MS, hashlib.sha256(f"{purpose}/{text}".encode()).digest()[:10])
