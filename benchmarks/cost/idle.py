"""What the stacks of the sample cost in a month without a message, as `tsunagu cost diff` counts it."""

from pathlib import Path

from benchmarks.cost.usage import Usage
from tsunagu.costs.traffic import MONTH_SECONDS, Traffic
from tsunagu.costs.usage import IDLE_POLLERS, POLL_SECONDS, monthly_usage
from tsunagu.operations.graph.sources import synthesized_documents
from tsunagu.templates.template import Template

STAGE = "prod"
# A function that polls its queue, and nothing that watches it.
PLAIN: Usage = {"sqs.request": IDLE_POLLERS * MONTH_SECONDS / POLL_SECONDS}


def idle_month(assembly: Path, stack: str) -> Usage:
    """Return what a stack of an assembly uses in a month without a message.

    Args:
        assembly: Folder of `cdk synth` of the stage.
        stack: Name of the stack without that of the stage.
    """
    template = Template.link(synthesized_documents(assembly, f"tsunagu-{STAGE}-{stack}"))
    return monthly_usage(template, Traffic(messages=0, requests=0))
