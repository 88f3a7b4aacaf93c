"""What is found of an id: where it is now, what happened in order, the last error, and what can be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tsunagu.operations.denials import Denial
from tsunagu.operations.evidence.log_search import LogLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened.

    Attributes:
        time_ms: When, in milliseconds since the epoch; 0 where it is not known.
        where: Function, queue, step or state machine.
        what: What happened, in a few words.
    """

    time_ms: int
    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something that can be done.

    Attributes:
        what: What it does.
        command: The command, ready to paste.
    """

    what: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an id means: an item, a run of a pipeline, an execution, a job.

    Attributes:
        what: What it is: `message of Orders`, `run of the pipeline orders`, `execution of nightly`.
        stack_name: Its stack.
        now: Where it is now, in a sentence.
        reason: The last error, or the reason of the dead letter; "" without one.
        ended: Whether it is done, so that nobody needs to do anything.
        moments: What happened, in order.
        advice: What can be done.
        details: What is recorded, as JSON.
    """

    what: str
    stack_name: str
    now: str
    reason: str = ""
    ended: bool = False
    moments: Sequence[Moment] = ()
    advice: Sequence[Advice] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that was found of an id.

    Attributes:
        id: The id.
        findings: What it means, those that need somebody first.
        lines: Log lines that name it, oldest first.
        error_line: The last line of an error; None without one.
        around: Lines of the same sandbox around that line.
        denied: What the caller may not read.
        searched: Log groups that were searched.
        since_ms: How old log lines may be, in milliseconds since the epoch.
        unseen: How to look at dead letters that were not looked at.
    """

    id: str
    findings: Sequence[Finding]
    lines: Sequence[LogLine]
    error_line: LogLine | None
    around: Sequence[LogLine]
    denied: Sequence[Denial]
    searched: Sequence[str]
    since_ms: int
    unseen: Sequence[Advice] = ()
