"""The guard of verbs that change something: says what changes, asks, refuses protected stacks, and records the change.

@guarded
def redrive(name: Name = None, *, options: ChangeOptions) -> None:
    change = Change(
        command="dlq redrive", what="send 12 dead letters of Orders back to their queue",
        stack=inventory, log_group=receiver.log_group,
    )
    if not agreed(change, options):  # after --dry-run
        return
    with recorded(aws, change, options) as record:
        record.note(moved=...)
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from tsunagu.cli.option_sets import option_sets
from tsunagu.cli.options import DryRun, Force, Yes
from tsunagu.cli.output import tell
from tsunagu.cli.signals import interruptible
from tsunagu.errors import CommandError
from tsunagu.operations.change_log import ChangeLog, NotLoggedError

if TYPE_CHECKING:
    from tsunagu.operations.aws import Aws
    from tsunagu.operations.inventory import StackInventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a verb is about to change.

    Attributes:
        command: The verb, such as `dlq redrive`.
        what: What it does, as a sentence without subject and full stop: `release the lease of the job sync`.
        details: Lines that the operator reads before the question.
        stack: Stack that it is about, which may be protected. Default: no stack.
        log_group: Log group of the function that it is about. Default: the log group of changes without a function.
    """

    command: str
    what: str
    details: Sequence[str] = ()
    stack: "StackInventory | None" = None
    log_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOptions:
    """The options of every verb that changes something.

    Attributes:
        yes: Do not ask.
        force: Change a protected stack too, or where the change cannot be recorded.
        dry_run: Say what would change, and change nothing.
    """

    yes: bool = False
    force: bool = False
    dry_run: bool = False


def change_options(*, yes: Yes = False, force: Force = False, dry_run: DryRun = False) -> ChangeOptions:
    """Return what the options of a verb say."""
    return ChangeOptions(yes=yes, force=force, dry_run=dry_run)


guarded = option_sets(options=change_options)


def agreed(change: Change, options: ChangeOptions) -> bool:
    """Say what changes, and ask. Return False after `--dry-run`, so that the verb changes nothing.

    Raises:
        CommandError: The stack is protected, nobody can be asked, or the answer is no.
    """
    for line in change.details:
        tell(line)
    place = f"stack {change.stack.name}: " if change.stack else ""
    if options.dry_run:
        tell(f"{place}would {change.what}; dry run, so nothing was changed")
        return False
    _refuse_protected(change, options)
    if options.yes:
        tell(f"{place}will {change.what}")
        return True
    if not sys.stdin.isatty():
        msg = f"{change.command} must be confirmed, and there is no terminal to ask on: add --yes to {change.what}"
        raise CommandError(msg)
    question = f"{place}{change.what}?"
    if not typer.confirm(f"{question[:1].upper()}{question[1:]}", err=True):
        msg = f"{change.command} must be confirmed, got no; nothing was changed"
        raise CommandError(msg)
    return True


@contextmanager
def recorded(aws: "Aws", change: Change, options: ChangeOptions) -> Iterator[ChangeLog]:
    """Record who changes what, and how it ends: `ended`, `failed` or `interrupted`.

    Ctrl-C interrupts, and so do `kill` and a closed terminal.

    Yields:
        The record; its `note` adds facts to the line of the end.

    Raises:
        CommandError: The start cannot be recorded, and `--force` is not given. Nothing was changed.
    """
    record = ChangeLog(
        aws=aws,
        command=change.command,
        what=change.what,
        log_group=change.log_group,
        stack_name=change.stack.name if change.stack else "",
    )
    _start(record, options)
    try:
        with interruptible():
            yield record
    except KeyboardInterrupt:
        _end(record, "interrupted")
        raise
    except BaseException as error:
        _end(record, "failed", error_type=type(error).__name__, error=str(error))
        raise
    _end(record, "ended")


def _refuse_protected(change: Change, options: ChangeOptions) -> None:
    stack = change.stack
    if stack is None or not stack.is_protected or options.force:
        return
    why = "termination protection" if stack.stack.termination_protected else "protect=True of its constructs"
    msg = f"the stack {stack.name} must not be protected, got {why}: add --force to {change.what}"
    raise CommandError(msg)


def _start(record: ChangeLog, options: ChangeOptions) -> None:
    try:
        record.start()
    except NotLoggedError as error:
        if not options.force:
            msg = f"{error}; nothing was changed. Add --force to do it without a record"
            raise CommandError(msg) from None
        tell(f"warning: {error}; goes on because of --force")
        return
    tell(f"recorded as {record.who} in {record.place}")


def _end(record: ChangeLog, outcome: str, **facts: str) -> None:
    problem = record.end(outcome, **facts)
    if problem is not None:
        tell(f"warning: the change {outcome}, but this could not be recorded: {problem}")
