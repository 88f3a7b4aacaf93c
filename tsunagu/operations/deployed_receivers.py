"""What is seen of a deployed receiver before a campaign: how long its invocations took, and the messages that wait."""

from dataclasses import dataclass

from tsunagu.operations.deployed_functions import log_group_of
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.invocations import Invocation, read_invocations
from tsunagu.operations.queues import count_messages
from tsunagu.operations.reader import Reader

NEWEST_MS = 15 * 60 * 1_000  # newer invocations say more than older ones, if there are any


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a deployed receiver.

    Attributes:
        invocations: Its invocations of the last quarter of an hour, else of the whole time that was asked for.
        waiting: Messages that its queue holds; None where this may not be read.
    """

    invocations: list[Invocation]
    waiting: int | None


def see_receiver(
    reader: Reader, inventory: StackInventory, *, function: str, queue: str, since_ms: int, now_ms: int
) -> Seen:
    """Return what is deployed of a receiver.

    Args:
        reader: Reads from AWS.
        inventory: Its stack.
        function: Logical id of its function.
        queue: Logical id of its queue.
        since_ms: How old an invocation may be, in milliseconds since the epoch.
        now_ms: The time, in milliseconds since the epoch.
    """
    name, url = _physical_id(inventory, function), _physical_id(inventory, queue)
    group = log_group_of(reader, name)
    newest = read_invocations(reader, group, max(since_ms, now_ms - NEWEST_MS))
    return Seen(
        invocations=newest or read_invocations(reader, group, since_ms),
        waiting=reader.read(lambda: count_messages(reader.aws.sqs, url), None),
    )


def free_concurrency(reader: Reader) -> int | None:
    """Return the concurrency of the account that no function has reserved; None where it may not be read."""
    found = reader.read(lambda: reader.aws.functions.get_account_settings()["AccountLimit"], None)
    return None if found is None else found.get("UnreservedConcurrentExecutions")


def _physical_id(inventory: StackInventory, logical_id: str) -> str:
    """Return what AWS made of a resource; of a nested stack's, the id ends with the one in its own template."""
    ends = f"/{logical_id}"
    found = (each for each in inventory.resources if each.logical_id == logical_id or each.logical_id.endswith(ends))
    return next((each.physical_id for each in found), "")
