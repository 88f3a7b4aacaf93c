"""Starts requests from the entry queue. The idempotency key of a message makes it one request."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tsunagu.runtime.clock import NewId
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.commands import RequestCheck, StartCommand, command_from_json
from tsunagu.runtime.pipeline.errors import MalformedRequestError
from tsunagu.runtime.pipeline.plan import Planner
from tsunagu.runtime.pipeline.shape import Pipeline, start_key
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message


class StartReceiver:
    """Starts a request for each message of the entry queue.

    `read`, `command`, `key` and `process` are the functions that a `Receiver` needs. The items are the same as those of
    direct invocations, so a request that comes both ways under one key is one request.

    Args:
        pipeline: The pipeline.
        planner: Plans runs.
        new_id: Returns a new UUID of version 7.
        hop_limit: Hops after which a message is refused.
        check: Refuses requests; see `command_from_json`. Default: none is refused.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        planner: Planner,
        new_id: NewId,
        *,
        hop_limit: int,
        check: RequestCheck | None = None,
    ) -> None:
        self._check = check
        self._pipeline = pipeline
        self._planner = planner
        self._new_id = new_id
        self._hop_limit = hop_limit

    def read(self, record: Mapping[str, Any]) -> Delivery:
        """Read a record, and give it a new request id, even if its sender set one.

        Two starts with one request id would be two runs of one request, and a replay would use the newest run's input.
        """
        return replace(Delivery.from_record(record), given_request_id=self._new_id())

    def command(self, body: JsonObject) -> StartCommand:
        """Read a start command.

        Raises:
            RefusedRequestError: The body is not a start command, or has no idempotency key.
        """
        command = command_from_json(self._pipeline, body, self._check)
        if not isinstance(command, StartCommand) or command.idempotency_key is None:
            msg = f"a message of the entry queue must be a start with an idempotency_key, got {sorted(body)}"
            raise MalformedRequestError(msg)
        return command

    @staticmethod
    def key(command: StartCommand) -> str:
        """Return the business key of a start command."""
        return start_key(idempotency_key=command.idempotency_key, run_id="")

    def process(self, command: StartCommand, message: Message) -> None:
        """Start a run. The envelope is stored, and its message put into the outbox, when the message is completed.

        Raises:
            PermanentError: The message made too many hops.
        """
        hop = message.delivery.hop_count + 1
        if hop > self._hop_limit:
            msg = f"a request must end within {self._hop_limit} hops, got hop {hop}: a loop"
            raise PermanentError(msg)
        envelope = self._planner.envelope(command, request_id=message.request_id, run_id=self._new_id(), hop=hop)
        message.result = envelope.encode()
        delivery = message.delivery
        self._planner.announce(envelope, message.outbox, delivery.trace_header, group_id=delivery.fair_group_id)
