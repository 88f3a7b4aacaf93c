"""Searches the log groups of functions for an id."""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tsunagu.operations.reader import Reader

# CloudWatch answers with empty pages while it searches, so a search ends after this many.
PAGES = 100
LINES_PER_GROUP = 200
TERM_CHARACTERS = 1_024  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a log group.

    Attributes:
        time_ms: When it was written, in milliseconds since the epoch.
        log_group: Its log group.
        stream: Its stream: the sandbox of the function, or a record of operators.
        text: The line.
        fields: Its fields, where it is JSON.
    """

    time_ms: int
    log_group: str
    stream: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def message(self) -> str:
        """Its phrase, or the whole line where it is no JSON."""
        return str(self.fields.get("message", self.text))

    @property
    def is_noise(self) -> bool:
        """Whether Lambda wrote it, or it has metrics: it says nothing about what happened."""
        return "_aws" in self.fields or str(self.fields.get("type", "")).startswith("platform.")

    @property
    def is_error(self) -> bool:
        """Whether it says that something failed."""
        return "error_type" in self.fields or self.fields.get("level") in {"ERROR", "CRITICAL"}


def search_logs(reader: Reader, groups: Iterable[str], ids: Sequence[str], since_ms: int) -> list[LogLine]:
    """Return the lines that have one of some ids, oldest first.

    A group that does not exist has none; one that may not be read is noted by the reader.

    Args:
        reader: Reads from AWS.
        groups: The log groups.
        ids: The ids.
        since_ms: How old a line may be, in milliseconds since the epoch.
    """
    pattern = _pattern(ids)
    if not pattern:
        return []
    found = reader.map(lambda group: _search(reader, group, pattern, since_ms), sorted({*groups} - {""}))
    lines = {line for lines in found for line in lines}
    return sorted(lines, key=lambda line: (line.time_ms, line.log_group, line.stream, line.text))


def log_line(group: str, event: Mapping[str, Any]) -> LogLine:
    """Return an event of CloudWatch Logs as a line."""
    text = str(event.get("message", "")).rstrip()
    return LogLine(
        time_ms=int(event.get("timestamp", 0)),
        log_group=group,
        stream=str(event.get("logStreamName", "")),
        text=text,
        fields=_fields(text),
    )


def _search(reader: Reader, group: str, pattern: str, since_ms: int) -> list[LogLine]:
    def read() -> list[LogLine]:
        pages = reader.aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=pattern, startTime=since_ms
        )
        events = (event for page in itertools.islice(pages, PAGES) for event in page["events"])
        return [log_line(group, event) for event in itertools.islice(events, LINES_PER_GROUP)]

    return reader.read(read, [])


def _pattern(ids: Sequence[str]) -> str:
    """Return the filter that finds a line with one of the ids: `?"a" ?"b"`."""
    terms = [json.dumps(each, ensure_ascii=False) for each in ids if 0 < len(each) < TERM_CHARACTERS]
    return terms[0] if len(terms) == 1 else " ".join(f"?{term}" for term in terms)


def _fields(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
