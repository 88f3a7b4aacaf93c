"""The pipelines that the command knows, and how it asks their preprocessors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tsunagu.contracts.claims import ClaimKeyError, check_id
from tsunagu.errors import CommandError
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack, stack_name
from tsunagu.runtime.clock import SystemClock, new_request_id
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.pipeline.errors import NotPublishedError, RequestInProgressError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
INVOCATION_BYTES = 6 * 1_048_576
PREPROCESSOR_OUTPUT = "PreprocessorFunctionName"
# Longer than any preprocessor works: an answer that is late is not asked for twice.
ANSWER_SECONDS = 120


# Nothing is known to be wrong with the question: with the same key it starts nothing twice.
ASK_AGAIN = {kind.__name__ for kind in (RequestInProgressError, NotPublishedError, UnavailableError)} | {
    "Runtime.ExitError",
    "Sandbox.Timedout",
}


class _AskAgainError(CommandError):
    """The preprocessor did not accept it this time."""


class PipelineName(StrEnum):
    """Pipelines that the command knows."""

    ORDERS = "orders"


PIPELINE_STACKS = {PipelineName.ORDERS: "order-pipeline"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a preprocessor answers.

    Attributes:
        request_id: What follows the request through every hop.
        run_id: The way through the steps that was started.
        is_duplicate: Whether it was started before, under the same key.
    """

    request_id: str
    run_id: str
    is_duplicate: bool


def find_pipeline(name: PipelineName, stage: str) -> DeployedStack:
    """Return the stack of a pipeline in `stage`.

    Raises:
        CommandError: It is not deployed.
    """
    return find_stack(boto3.client("cloudformation"), stack_name(stage, PIPELINE_STACKS[name]))


def ask_preprocessor(stack: DeployedStack, question: Mapping[str, object]) -> Accepted:
    """Invoke the preprocessor of a pipeline, and wait for what it says.

    Args:
        stack: Stack of the pipeline.
        question: What it is asked: `action`, and what belongs to it; entries that are None are left out. Without an
            `idempotency_key` it gets a new one, so that a call that the SDK repeats starts nothing twice.

    Raises:
        CommandError: The preprocessor refused or failed, or the question is too large for it.
    """
    config = Config(read_timeout=ANSWER_SECONDS, retries={"mode": "standard", "total_max_attempts": 3})
    client = boto3.client("lambda", config=config)
    given = {name: value for name, value in question.items() if value is not None}
    key = given.setdefault("idempotency_key", new_request_id(SystemClock().now_ms()))
    try:
        return _answer_of(client, stack.output(PREPROCESSOR_OUTPUT), _event(given))
    except _AskAgainError as error:
        msg = f"{error}; the key is {key}"
        raise CommandError(msg) from None


def check_request_id(request_id: str) -> str:
    """Return `request_id` if it is one.

    Raises:
        CommandError: It is none.
    """
    try:
        return check_id("the request id", request_id)
    except ClaimKeyError as error:
        raise CommandError(str(error)) from None


def _event(question: Mapping[str, object]) -> bytes:
    try:
        event = json.dumps(question, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        msg = "the payload must be Unicode text, got half a surrogate pair"
        raise CommandError(msg) from None
    if len(event) > INVOCATION_BYTES:
        msg = f"the payload must fit into an invocation of {INVOCATION_BYTES:,} bytes, got {len(event):,}"
        raise CommandError(msg)
    return event


def _answer_of(client: "LambdaClient", function_name: str, event: bytes) -> Accepted:
    answer = client.invoke(FunctionName=function_name, Payload=event)
    content: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        reason = content.get("errorMessage") or content.get("errorType")
        msg = f"the preprocessor must accept it, got: {reason}"
        raise (_AskAgainError if content.get("errorType") in ASK_AGAIN else CommandError)(msg)
    return Accepted(
        request_id=content["request_id"], run_id=content["run_id"], is_duplicate=content["status"] == "duplicate"
    )
