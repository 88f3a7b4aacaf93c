"""Snapshots (SnapStart): what a process makes before its snapshot, and what it renews when a sandbox is restored.

Lambda starts one process when a version is published, takes a snapshot of it, and restores every sandbox of the version
from that. What the process has made is then the same in all of them: no number may be unique, and no connection open.

* https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
* https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

import importlib
import os
import random
from collections.abc import Callable
from typing import Any

_HOOKS = "snapshot_restore_py"  # a part of Lambda's own Pythons, from 3.12
_KIND_VARIABLE, _SNAP_START = "AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"


def before_snapshot(make: Callable[[], object]) -> None:
    """Make something before the snapshot is taken, which the first invocation would make otherwise.

    A failure fails the deployment, because no version is published then. Without SnapStart nothing is done.

    Args:
        make: Makes it, and keeps it. It makes nothing that is unique, and opens no connection.
    """
    hooks = _hooks()
    if hooks is not None:
        hooks.register_before_snapshot(make)
        # The SDK's pauses between retries come from Python's own generator, and other code may use it too.
        after_restore(random.seed)


def after_restore(renew: Callable[[], object]) -> None:
    """Renew something in each sandbox that is restored, before its first invocation. Lambda gives 10 seconds for all.

    Args:
        renew: Renews it. Without SnapStart it is never called.
    """
    hooks = _hooks()
    if hooks is not None:
        hooks.register_after_restore(renew)


def _hooks() -> Any:
    """Return the module of Lambda's hooks; None where no snapshot is taken."""
    if os.environ.get(_KIND_VARIABLE) != _SNAP_START:
        return None
    return importlib.import_module(_HOOKS)
