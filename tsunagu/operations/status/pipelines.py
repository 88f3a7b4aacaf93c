"""How many runs of a pipeline are under way, and how many were left behind."""

from tsunagu.contracts.flows import Kind
from tsunagu.errors import OperationError
from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.reader import Reader
from tsunagu.operations.status.model import PipelineStatus
from tsunagu.operations.unfinished_runs import unfinished_runs

COUNTED_RUNS = 200
# As `tsunagu runs` lists them by default: a run that takes longer waits for something.
LEFT_BEHIND_MS = 3_600_000


def read_pipelines(reader: Reader, inventory: StackInventory, now_ms: int) -> list[PipelineStatus]:
    """Return how the runs of the pipelines of a stack are.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
        now_ms: The time, in milliseconds since the epoch.
    """
    return reader.map(lambda resource: _status(reader, resource, now_ms), inventory.of_kind(Kind.PIPELINE))


def _status(reader: Reader, resource: StackResource, now_ms: int) -> PipelineStatus:
    part, function = resource.part(Kind.PIPELINE), resource.physical_id
    name = part.name if part else resource.own_name
    functions, tables = reader.aws.functions, reader.aws.dynamodb
    try:
        runs = reader.read(lambda: unfinished_runs(functions, tables, function, limit_count=COUNTED_RUNS), None)
    except OperationError:  # it marks no runs, is of another release, or its table did not answer
        runs = None
    if runs is None:
        return PipelineStatus(name=name, unfinished=None)
    left = sum(run.started_ms < now_ms - LEFT_BEHIND_MS for run in runs)
    return PipelineStatus(name=name, unfinished=len(runs), has_more=len(runs) >= COUNTED_RUNS, left_behind=left)
