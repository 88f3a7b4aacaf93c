"""A process of a function with SnapStart: the snapshot is a process, and each sandbox is a fork of it.

A fork copies the memory of a process, as a snapshot does, but not its threads. Arguments: the module of the handler,
the events as JSON, and the address to which the beginning of each sandbox is reported.
"""

import importlib
import json
import os
import random
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tsunagu.runtime.aws.session import session

SANDBOXES = 2
hooks: Any = importlib.import_module("snapshot_restore_py")


def main(module_name: str, events: list[Any], url: str) -> None:
    module = importlib.import_module(module_name)
    while hooks.before:  # Lambda's order; a hook may register others
        hooks.before.pop()()
    state = random.getstate()
    for number in range(SANDBOXES):
        mark(f"{url}/sandbox/{number}")
        sandbox = os.fork()
        if not sandbox:
            random.setstate(state)  # Python gives a fork another one, and no restored sandbox
            run(module, events)
            sys.stdout.flush()
            os._exit(0)
        if os.waitpid(sandbox, 0)[1]:
            sys.exit(f"sandbox {number} failed")


def mark(url: str) -> None:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - of this machine
        answer.read()


def run(module: Any, events: list[Any]) -> None:
    for renew in hooks.after:
        renew()
    a_day_later()
    refuse_new_clients()
    context = SimpleNamespace(aws_request_id="r-1", get_remaining_time_in_millis=lambda: 10_000)
    before, kept = {*sys.modules}, hooks_kept()
    answers = [module.handler(event, context) for event in events]
    told = {"random": random.random(), "answers": answers, "imported": sorted({*sys.modules} - before)}
    told["hooks"] = hooks_kept() - kept
    sys.stdout.write(f"{json.dumps(told)}\n")


def hooks_kept() -> int:
    """Return how many hooks Lambda keeps: for as long as the sandbox lives, with all to which they refer."""
    return len(hooks.before) + len(hooks.after)


def a_day_later() -> None:
    """Let the credentials of the snapshot end."""
    made: Any = session().get_credentials()
    made._time_fetcher = lambda: datetime.now(UTC) + timedelta(days=1)  # noqa: SLF001 - the SDK has no other clock


def refuse_new_clients() -> None:
    """Fail where an invocation makes a client that the snapshot could have."""
    made: Any = session()
    made.client = made.create_client = lambda service, **_: sys.exit(f"an invocation made a client of {service}")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
