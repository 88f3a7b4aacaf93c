"""Puts a parked group back into its queue, in order, as `tsunagu dlq redrive --group` does."""

from dataclasses import dataclass

import typer

from tsunagu.cli.changes import Change, ChangeOptions, agreed, recorded
from tsunagu.cli.output import error_console
from tsunagu.cli.redrive_progress import LetterProgress
from tsunagu.cli.redrive_run import PlannedRedrive, tell_interrupted
from tsunagu.errors import CommandError, OperationError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.look import letter_source, parked_groups_of
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.selection import Selection
from tsunagu.operations.parked_groups import Groups, GroupState, redrive_until_open
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock
from tsunagu.runtime.errors import UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedPlace:
    """A parked group.

    Attributes:
        queue_arn: Its queue.
        groups: The parked groups of the queue.
        group_id: The message group.
    """

    queue_arn: str
    groups: Groups
    group_id: str


def parked_place(aws: Aws, queue: LetterQueue, selection: Selection) -> ParkedPlace | None:
    """Return the parked group that a selection means as a whole; None where it means letters."""
    if selection.group is None or selection != Selection(group=selection.group):
        return None
    for arn, groups in parked_groups_of(aws, queue).items():
        if groups.read(selection.group).is_parked:
            return ParkedPlace(queue_arn=arn, groups=groups, group_id=selection.group)
    return None


def redrive_parked(
    run: PlannedRedrive, change: Change, options: ChangeOptions, parked: ParkedPlace, *, patience_seconds: float
) -> None:
    """Ask, and put the group back until it is open or a message of it dies again. The receiver keeps the order.

    Args:
        run: What is redriven.
        change: What the operator is asked.
        options: Options of the verb.
        parked: The group.
        patience_seconds: How long the group may wait for one message.

    Raises:
        CommandError: Nobody agreed, or the group is not open.
        OperationError: DynamoDB did not answer.
    """
    if not agreed(change, options):
        return
    queue = run.place.queue
    url = next(source.url for source in queue.queues if source.arn == parked.queue_arn)
    moved = 0

    def show(count: int) -> None:
        nonlocal moved
        moved = count
        progress.show("redrives the group", count)

    with recorded(run.aws, change, options) as record, LetterProgress(error_console(), run.total) as progress:
        record.note(group=parked.group_id)
        try:
            report = redrive_until_open(
                letter_source(run.aws, queue, run.total),
                SqsQueueSender(lambda: run.aws.sqs, url),
                parked.groups,
                parked.group_id,
                SystemClock(),
                rate_per_second=run.plan.rate_per_second,
                patience_seconds=patience_seconds,
                progress=show,
            )
        except UnavailableError as error:
            msg = f"{error}; what was sent back stays there: start it again"
            raise OperationError(msg) from None
        except KeyboardInterrupt:
            tell_interrupted(moved)
            raise
        finally:
            record.note(moved=moved)
        record.note(state=str(report.state))
    typer.echo(f"sent back {report.moved:,} of the group {parked.group_id}: {report.state}")
    if report.state is not GroupState.OPEN:
        why = report.problems[0] if report.problems else parked.groups.read(parked.group_id).waits_for
        msg = f"the group must be open, got {report.state}: {why}"
        raise CommandError(msg)
