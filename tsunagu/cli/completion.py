"""Names that the shell completes: stacks, stages, pipelines and jobs of the account.

The shell waits for the answer, so a call has one try and little time. Without an answer nothing is completed.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import boto3
import typer  # noqa: TC002 - typer reads the annotations
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.flows import Kind
from tsunagu.errors import TsunaguError
from tsunagu.operations.deployed_stacks import all_stacks
from tsunagu.operations.inventory import read_inventories
from tsunagu.operations.scope import StackScope, parts_of, stacks_in

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

LONGEST_SECONDS = 3
# Of more stacks the templates are not read while the shell waits.
MOST_STACKS = 40
USUAL_STAGES = frozenset({"dev", "embedded", "int", "prod", "qa", "staging", "stg", "test"})


def complete_stack(incomplete: str) -> list[str]:
    """Return the stacks whose names begin with what is typed."""
    return _matching(_stack_names(), incomplete)


def complete_stage(incomplete: str) -> list[str]:
    """Return the stages of the stacks `tsunagu-<stage>-…`, and usual stages in other names."""
    parts = [name.split("-") for name in _stack_names()]
    ours = {each[1] for each in parts if each[0] == "tsunagu" and len(each) > 2}  # noqa: PLR2004 - and an own part
    others = {part for each in parts for part in each if part.lower() in USUAL_STAGES}
    return _matching(ours | others, incomplete)


def complete_pipeline(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the pipelines of the stacks that the line names."""
    return _matching(_names(ctx, Kind.PIPELINE), incomplete)


def complete_job(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the jobs of the stacks that the line names."""
    return _matching(_names(ctx, Kind.JOB), incomplete)


def complete_queue(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the channels of the stacks that the line names."""
    return _matching(_names(ctx, Kind.CHANNEL), incomplete)


def _stack_names() -> list[str]:
    try:
        return [stack.name for stack in all_stacks(_client())]
    except (BotoCoreError, ClientError):
        return []


def _names(ctx: typer.Context, kind: Kind) -> list[str]:
    given: dict[str, Any] = ctx.params
    try:
        client = _client()
        scope = StackScope(stack=given.get("stack") or given.get("stack_argument"), stage=given.get("stage"))
        stacks = stacks_in(client, scope)
        if len(stacks) > MOST_STACKS:
            return []
        return [each.part.name for each in parts_of(read_inventories(client, stacks, only_with_flows=True), kind)]
    except (BotoCoreError, ClientError, TsunaguError):
        return []


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.lower().startswith(incomplete.lower())})


def _client() -> "CloudFormationClient":
    config = Config(connect_timeout=LONGEST_SECONDS, read_timeout=LONGEST_SECONDS, retries={"total_max_attempts": 1})
    return boto3.client("cloudformation", config=config, region_name=os.environ.get("AWS_REGION"))
