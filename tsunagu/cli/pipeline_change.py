"""What the verbs that change something in a pipeline are about."""

from collections.abc import Sequence

from tsunagu.cli.changes import Change
from tsunagu.operations.aws import Aws
from tsunagu.operations.deployed_functions import log_group_of
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.pipelines import DeployedPipeline
from tsunagu.operations.reader import Reader


def pipeline_change(
    aws: Aws, pipeline: DeployedPipeline, *, command: str, what: str, details: Sequence[str] = ()
) -> Change:
    """Return a change in a pipeline, which is recorded in the log group of its preprocessor.

    Args:
        aws: Clients.
        pipeline: The pipeline.
        command: The verb.
        what: What it does, as a sentence without subject and full stop.
        details: Lines that the operator reads before the question. Default: none.
    """
    return Change(
        command=command,
        what=what,
        details=details,
        stack=read_inventory(aws.cloudformation, pipeline.stack_name),
        log_group=log_group_of(Reader(aws), pipeline.function_name),
    )
