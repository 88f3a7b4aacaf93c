"""Records what an operator changes: who, what, when, and how it ended, as JSON lines in CloudWatch Logs.

The stream is `tsunagu-operator/<day>/<id of the change>`, in the log group of the function that the change is about. So
one search of the group shows the change beside the lines of the function. Where there is no function, its group does
not exist yet, or the caller may not write there, the change is in the group `/tsunagu/operator`.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.errors import OperationError
from tsunagu.operations.aws import Aws
from tsunagu.operations.denials import denial_of, is_missing
from tsunagu.operations.times import utc_text
from tsunagu.runtime.clock import Clock, SystemClock, new_request_id

STREAM_PREFIX = "tsunagu-operator"
OWN_GROUP = "/tsunagu/operator"
UNKNOWN = "unknown"


class NotLoggedError(OperationError):
    """The start of a change could not be recorded, so that the change was not made."""


@dataclass(slots=True)
class ChangeLog:
    """Record of one change.

    Attributes:
        aws: Clients.
        command: The verb, such as `dlq redrive`.
        what: What changes, in a sentence.
        log_group: Log group of the function that it is about; "" for none.
        stack_name: Stack that it is about; "" for none.
        clock: The time. Default: the machine's.
        who: ARN of the caller, once it has started.
        notes: What the change adds to its last line, such as how many messages were moved.
    """

    aws: Aws
    command: str
    what: str
    log_group: str = ""
    stack_name: str = ""
    clock: Clock = field(default_factory=SystemClock)
    who: str = UNKNOWN
    notes: dict[str, Any] = field(default_factory=dict)
    _stream: str = ""
    _group: str = ""

    def note(self, **facts: Any) -> None:
        """Add facts to the line that says how the change ended."""
        self.notes.update(facts)

    def start(self) -> None:
        """Write that the change starts.

        Raises:
            NotLoggedError: It cannot be written: the call of AWS is in the message.
        """
        now = self.clock.now_ms()
        stream = f"{STREAM_PREFIX}/{utc_text(now)[:10]}/{new_request_id(now)}"
        groups = [*filter(None, (self.log_group, OWN_GROUP))]
        try:
            self.who = self.aws.sts.get_caller_identity()["Arn"]
            problems = [*self._start_in(groups, stream)]
        except (ClientError, BotoCoreError) as error:
            problems = [error]
        if not self._stream:
            msg = f"the change must be recorded in {' or '.join(groups)}, got: {_sentence(problems[0])}"
            raise NotLoggedError(msg)

    def end(self, outcome: str, **facts: Any) -> str | None:
        """Write how the change ended; return why that could not be written, or None.

        Args:
            outcome: `ended`, `failed` or `interrupted`.
            facts: More about it.
        """
        if not self._stream:
            return None
        try:
            self._write(f"change {outcome}", {**self.notes, **facts})
        except (ClientError, BotoCoreError) as error:
            return str(error)
        return None

    @property
    def place(self) -> str:
        """Log group and stream of the record; "" where there is none."""
        return f"{self._group} {self._stream}" if self._stream else ""

    def _start_in(self, groups: Sequence[str], stream: str) -> Iterator[Exception]:
        """Write that the change starts, in the first group that takes it; yield why those before it do not."""
        for group in groups:
            self._group, self._stream = group, stream
            try:
                self._open()
                self._write("change started", {})
            except ClientError as error:
                self._stream = ""
                if not (is_missing(error) or denial_of(error)):
                    raise
                yield error
            else:
                return

    def _open(self) -> None:
        logs = self.aws.logs
        if self._group == OWN_GROUP:
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=OWN_GROUP)
        logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)

    def _write(self, message: str, facts: Mapping[str, Any]) -> None:
        now = self.clock.now_ms()
        line = {
            "timestamp": utc_text(now),
            "level": "INFO",
            "message": message,
            "command": self.command,
            "what": self.what,
            "stack": self.stack_name,
            "who": self.who,
            "change_id": self._stream.rpartition("/")[2],
            **facts,
        }
        self.aws.logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[{"timestamp": now, "message": json.dumps(line, ensure_ascii=False, default=str)}],
        )


def _sentence(error: Exception) -> str:
    denial = denial_of(error) if isinstance(error, ClientError) else None
    return str(denial or error)
