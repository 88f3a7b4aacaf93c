"""The difference of two templates, a line for each change, by the paths of the constructs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tsunagu.testing.templates.stateful import path_of

SHOWN_CHARACTERS = 160
_NOTHING = object()


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what changed: resources by their constructs' paths, then the other sections."""
    lines = [*_resources(before.get("Resources", {}), after.get("Resources", {}))]
    sections = dict.fromkeys([*before, *after])
    for section in sections:
        if section != "Resources":
            lines += _values(section, before.get(section, _NOTHING), after.get(section, _NOTHING))
    return lines


def _resources(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for logical_id in dict.fromkeys([*old, *new]):
        was, now = old.get(logical_id), new.get(logical_id)
        if was == now:
            continue
        resource: Mapping[str, Any] = now or was or {}
        name = f"{path_of(logical_id, resource)} ({resource['Type']} {logical_id})"
        if was is None:
            yield f"+ {name}"
        elif now is None:
            yield f"- {name}"
        else:
            yield f"~ {name}"
            yield from (f"    {line}" for line in _values("", was, now))


def _values(place: str, was: Any, now: Any) -> Iterator[str]:
    if was == now:
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*was, *now]):
            inner = f"{place}.{name}" if place else name
            yield from _values(inner.removeprefix("Properties."), was.get(name, _NOTHING), now.get(name, _NOTHING))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _values(f"{place}[{number}]", one, other)
    elif isinstance(was, list) and isinstance(now, list):
        yield from (f"{place}: - {_short(each)}" for each in was if each not in now)
        yield from (f"{place}: + {_short(each)}" for each in now if each not in was)
    elif was is _NOTHING:
        yield f"{place}: + {_short(now)}"
    elif now is _NOTHING:
        yield f"{place}: - {_short(was)}"
    else:
        yield f"{place}: {_short(was)} -> {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
