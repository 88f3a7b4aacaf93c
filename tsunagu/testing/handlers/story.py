"""A schedule in sentences."""

import re
from collections.abc import Mapping, Sequence

_LINE = re.compile(r"\s*(\d+\.\d\d) s  (\* )?(.*)")
_FAULT = re.compile(r"(worker \d+)(\.\d+)? (.*): (die before|die after|unavailable|unanswered|answer lost.*|outage|.*)")

# What a worker does, as a stage words it, and as a sentence says it.
_CALLS = (
    (r"inserts 1 items", "claims the key of a message"),
    (r"inserts (\d+) items", r"claims the keys of \1 messages"),
    (r"reads items", "looks up keys that somebody has claimed"),
    (r"reads records", "reads the records of requests"),
    (r"updates 1 items", "stores the state of a message"),
    (r"updates (\d+) items", r"stores the states of \1 messages"),
    (r"commits 1", "commits the writes of a message together with its completion"),
    (r"commits (\d+)", r"commits the writes of \1 messages together with their completion"),
    (r"sends (\d+) on", r"sends what the outbox has: \1"),
    (r"sends (\d+) dead letters", r"sends \1 to the dead-letter queue"),
    (r"notifies", "notifies SNS of dead letters"),
    (r"changes (\d+) visibilities", "tells SQS when to deliver again"),
    (r"answer", "answers SQS"),
    (r"acknowledges nothing", "gives all messages back"),
    (r"acknowledges (.*)", r"acknowledges \1: SQS deletes them"),
)
_ENDS = {
    "die before": "IS KILLED before it {}",
    "die after": "IS KILLED after it {}, and knows nothing of it any more",
    "unavailable": "{}: THE CALL FAILS, and nothing is applied",
    "unanswered": "{}: it is applied, but THE ANSWER IS LOST",
    "answer lost": "{}: it is applied, but THE ANSWER IS LOST",
    "answer lost, tried again": "{}: it is applied, the answer is lost, and the SDK TRIES AGAIN",
    "answer lost, token forgotten": "{}: it is applied, the answer is lost, and the SDK TRIES AGAIN after ten minutes",
}


def sentences(trace: Sequence[str], payloads: Mapping[str, str]) -> list[str]:
    """Return what happened, one sentence a step.

    Args:
        trace: The trace of a schedule.
        payloads: Payloads by message id, which the first sentence about a message shows.
    """
    shown: set[str] = set()
    lines: list[str] = []
    for line in trace:
        found = _LINE.fullmatch(line)
        if found is not None:
            text = _sentence(found[3]) if found[2] else _calm(found[3])
            said = f"{float(found[1]):7.2f} s  {_with_payloads(text, payloads, shown)}"
            lines += [said] if lines[-1:] != [said] else []
    return lines


def _sentence(event: str) -> str:
    if event == "SQS delivers again":
        return "SQS DELIVERS AGAIN what is in flight, or was deleted"
    found = _FAULT.fullmatch(event)
    if found is None:
        return event
    worker, _, call, what = found.groups()
    if call == "waits":
        where = "while time passes" if what == "time passes" else f"before its next call, and {what} goes on"
        return f"{worker} STOPS {where}"
    return f"{worker} {_ENDS.get(what, '{}: ' + what.upper()).format(_worded(call))}"


def _calm(event: str) -> str:
    found = re.match(r"(worker \d+)(\.\d+)? (.*)", event)
    return event if found is None else f"{found[1]} {_worded(found[3])}"


def _worded(call: str) -> str:
    for pattern, words in _CALLS:
        if re.fullmatch(pattern, call):
            return re.sub(pattern, words, call)
    return call


def _with_payloads(text: str, payloads: Mapping[str, str], shown: set[str]) -> str:
    def with_payload(found: "re.Match[str]") -> str:
        name = found[0]
        if name in shown or name not in payloads:
            return name
        shown.add(name)
        return f"{name} {payloads[name]}"

    return re.sub(r"\bm-\d+\b", with_payload, text)
