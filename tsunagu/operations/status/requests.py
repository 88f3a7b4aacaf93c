"""How many accepted requests have not ended, and how many HTTP requests have messages that are not sent."""

from collections.abc import Iterable, Sequence
from typing import Any

from tsunagu.contracts import requests
from tsunagu.contracts.environment import EnvironmentContractError
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.contracts.web import unsent_partition
from tsunagu.operations.deployed_functions import DeployedFunction
from tsunagu.operations.reader import Reader
from tsunagu.operations.status.model import RequestsStatus

COUNTED_PER_PARTITION = 250
# The sweeper runs each minute. What is due for longer than some runs is not swept.
OVERDUE_MS = 4 * 60_000


def read_requests(reader: Reader, functions: Iterable[DeployedFunction], now_ms: int) -> list[RequestsStatus]:
    """Return the open requests of each sweeper of a stack.

    Args:
        reader: Reads from AWS.
        functions: Functions of the stack. Those of sweepers name table and scope.
        now_ms: The time, in milliseconds since the epoch.
    """
    found = []
    for function in functions:
        part = function.part(Kind.SWEEPER)
        if part is None:
            continue
        try:
            environment = RequestSweeperEnvironment.from_environment(function.environment)
        except EnvironmentContractError:  # it may not be read, or is of another release
            found.append(
                RequestsStatus(name=part.name.removesuffix("/Sweeper"), open=None, log_group=function.log_group)
            )
            continue
        found.append(_status(reader, part.name.removesuffix("/Sweeper"), function.log_group, environment, now_ms))
    return found


def partitions_of(environment: RequestSweeperEnvironment) -> list[str]:
    """Return the partitions of the index of open requests that a sweeper looks at."""
    if environment.sends_outboxes:
        return [unsent_partition(environment.web_place, digit) for digit in requests.SHARDS]
    return [requests.open_partition(environment.request_scope, digit) for digit in requests.SHARDS]


def _status(
    reader: Reader, name: str, log_group: str, environment: RequestSweeperEnvironment, now_ms: int
) -> RequestsStatus:
    table = environment.idempotency_table_name
    pages = reader.map(lambda partition: _due_times(reader, table, partition), partitions_of(environment))
    known = [page for page in pages if page is not None]
    if not known:
        return RequestsStatus(name=name, open=None, log_group=log_group)
    times = [due for page in known for due in page]
    return RequestsStatus(
        name=name,
        open=len(times),
        has_more=any(len(page) >= COUNTED_PER_PARTITION for page in known),
        overdue=sum(due < now_ms - OVERDUE_MS for due in times),
        log_group=log_group,
    )


def _due_times(reader: Reader, table: str, partition: str) -> Sequence[int] | None:
    """Return when the requests of a partition are due, the earliest first, a page of them."""

    def query() -> Sequence[int]:
        values: Any = {":open": {"S": partition}}
        answer = reader.aws.dynamodb.query(
            TableName=table,
            IndexName=requests.OPEN_INDEX,
            KeyConditionExpression="#open = :open",
            ProjectionExpression="#due",
            ExpressionAttributeNames={"#open": requests.OPEN, "#due": requests.DUE},
            ExpressionAttributeValues=values,
            Limit=COUNTED_PER_PARTITION,
        )
        return [int(each[requests.DUE]["N"]) for each in answer["Items"] if requests.DUE in each]

    return reader.read(query, None)
