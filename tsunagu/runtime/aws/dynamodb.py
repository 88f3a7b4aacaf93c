"""The item store on DynamoDB. One call holds up to 25 conditional PartiQL statements, each with its own verdict.

What an error means:

* A condition failed: REFUSED.
* A transaction can never succeed, because a write of the business function is wrong: FAILED.
* Any other error, such as a missing permission or table: UNAVAILABLE, so that neither an outage nor a wrong
  configuration counts as an attempt. The verdict says which call failed.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html and
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items
from tsunagu.runtime.aws.attribute_values import to_attributes
from tsunagu.runtime.aws.item_attributes import item_attributes, item_or_verdict, to_attribute
from tsunagu.runtime.aws.sdk_errors import described_call, error_code, failed_call
from tsunagu.runtime.errors import ConditionFailedError, FailedCall
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.runtime.telemetry import call_fields

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_logger = logging.getLogger(__name__)

STATEMENTS_PER_CALL = 25
KEYS_PER_READ = 100
READ_ROUNDS = 3
THREADS = 10  # as many as botocore keeps connections

_CONDITION_FAILED = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
# A value of a wrong type is a SerializationException from DynamoDB, or a validation error of the SDK.
_OWN_FAULTS = frozenset(
    {
        "ValidationException",
        "ValidationError",
        "SerializationException",
        "ParamValidationError",
        "ItemCollectionSizeLimitExceeded",
    }
)
# Why a part of a transaction was cancelled that another try may write. Any other reason is a fault of the part.
_MAY_PASS = frozenset(
    {
        "None",
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
# Errors without reasons that are about one part of a transaction, so that the others go on without it.
_OF_ONE_PART = ("ResourceNotFound", "TransactionCanceled")
_ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_UNPROCESSED = "UnprocessedKeys"  # no error code of DynamoDB: the answer leaves keys out when the table is throttled
APPLIED = Verdict(Outcome.APPLIED)
CANCELLED = Verdict(Outcome.CANCELLED)

EntryT = TypeVar("EntryT")
AnswerT = TypeVar("AnswerT")


class DynamoDbItemStore:
    """Stores idempotency items in one table. It writes them in batches of PartiQL statements.

    Args:
        client: DynamoDB client.
        table_name: Table with the partition key `id`.

    Attributes:
        client: DynamoDB client.
        table_name: Table of the items.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.client = client
        self.table_name = table_name
        self._threads = ThreadPoolExecutor(THREADS)

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that are absent."""
        statements = []
        for item in new_items:
            attributes = item_attributes(item)
            names = ", ".join(f"'{name}': ?" for name in attributes)
            statements.append(
                {
                    "Statement": f'INSERT INTO "{self.table_name}" VALUE {{{names}}}',
                    "Parameters": [*attributes.values()],
                }
            )
        return self._execute("dynamodb:PartiQLInsert", statements)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items consistently. A `Verdict` says that the store did not answer, or that the item cannot be read."""
        found = self.read_attributes(item_ids)
        return [item_or_verdict(each) if isinstance(each, Mapping) else each for each in found]

    def read_attributes(self, item_ids: Sequence[str]) -> list[Mapping[str, Any] | Verdict | None]:
        """Read all attributes of items consistently, in DynamoDB's format. A `Verdict`: the store did not answer."""
        found: dict[str, Mapping[str, Any]] = {}
        unread: dict[str, Verdict] = {}
        for start in range(0, len(item_ids), KEYS_PER_READ):
            keys = [{items.ID: {"S": item_id}} for item_id in item_ids[start : start + KEYS_PER_READ]]
            unread |= self._read(keys, found)
        return [unread.get(item_id) or found.get(item_id) for item_id in item_ids]

    def begin_to_read(self, item_ids: Sequence[str]) -> Callable[[], list[Mapping[str, Any] | Verdict | None]]:
        """Begin to read items beside other calls, as `read_attributes` does. The result waits for the answer."""
        return self._threads.submit(self.read_attributes, item_ids).result

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes. One that removes attributes is a call of its own."""
        alone = [change for change in changes if change.removed]
        if not alone:
            return self._update_together(changes)
        together = iter(self._update_together([change for change in changes if not change.removed]))
        single = iter(self.side_by_side(self.update_alone, alone))
        return [next(single if change.removed else together) for change in changes]

    def update_alone(self, change: Change) -> Verdict:
        """Apply a conditional change by a call of its own."""
        try:
            self.client.update_item(**self.update_parameters(change))
        except self.client.exceptions.ConditionalCheckFailedException as error:
            found: Any = error.response.get("Item")
            return refused(found)
        except (ClientError, BotoCoreError) as error:
            return self.call_failed(error, "dynamodb:UpdateItem")
        return APPLIED

    def _update_together(self, changes: Sequence[Change]) -> list[Verdict]:
        statements = []
        for change in changes:
            values = ", ".join(f'"{name}" = ?' for name in change.values)
            where = " AND ".join(f'"{name}" = ?' for name in (items.ID, *change.where))
            parameters = (*change.values.values(), change.item_id, *change.where.values())
            statements.append(
                {
                    "Statement": f'UPDATE "{self.table_name}" SET {values} WHERE {where}',  # noqa: S608 - names are ours
                    "Parameters": [to_attribute(value) for value in parameters],
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            )
        return self._execute("dynamodb:PartiQLUpdate", statements)

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all `commits` in one transaction, or none of them."""
        parts = [self._parts(commit) for commit in commits]
        if any(isinstance(each, Exception) for each in parts):
            return [_failed(each) if isinstance(each, Exception) else CANCELLED for each in parts]
        writes: list[Any] = [write for each in parts if not isinstance(each, Exception) for write in each]
        try:
            self.client.transact_write_items(TransactItems=writes, ClientRequestToken=token)
        except (ClientError, BotoCoreError) as error:
            return self._refused(error, commits)
        return [APPLIED] * len(commits)

    def _parts(self, commit: Commit) -> list[Any] | Exception:
        """Return the parts of a transaction for one commit; or why a write of the business function is none."""
        try:
            return [{"Update": self.update_parameters(commit.change)}, *map(_business_part, commit.writes)]
        except Exception as error:  # noqa: BLE001 - any value may be in a write; a faulty one harms no other commit
            return error

    def side_by_side(self, call: Callable[[EntryT], AnswerT], entries: Sequence[EntryT]) -> list[AnswerT]:
        """Call `call` with each entry, in threads if there are several, and return the answers in order."""
        return [call(entries[0])] if len(entries) == 1 else [*self._threads.map(call, entries)]

    def call_failed(self, error: ClientError | BotoCoreError, operation: str) -> Verdict:
        """Return the verdict on the writes of items in a failed call.

        It is never an error: other messages share the call or the invocation, and one item must not harm another
        message.
        """
        return _unavailable(_of_items(failed_call(error, operation, self.table_name)))

    def _execute(self, operation: str, statements: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        def call(chunk: Sequence[Any]) -> list[Verdict]:
            try:
                answers = self.client.batch_execute_statement(Statements=chunk)["Responses"]
            except (ClientError, BotoCoreError) as error:
                if len(chunk) > 1 and error_code(error) in _OWN_FAULTS:  # one statement is wrong: find out which
                    return [verdict for statement in chunk for verdict in call([statement])]
                return [self.call_failed(error, operation)] * len(chunk)
            return [self._verdict(answer, operation) for answer in answers]

        starts = range(0, len(statements), STATEMENTS_PER_CALL)
        chunks = [statements[start : start + STATEMENTS_PER_CALL] for start in starts]
        return [verdict for verdicts in self.side_by_side(call, chunks) for verdict in verdicts]

    def _verdict(self, answer: Mapping[str, Any], operation: str) -> Verdict:
        error = answer.get("Error")
        if error is None:
            return APPLIED
        code = str(error.get("Code"))
        if code in _CONDITION_FAILED:
            return refused(error.get("Item"))
        return _unavailable(_of_items(described_call(code, str(error.get("Message")), operation, self.table_name)))

    def _refused(self, error: ClientError | BotoCoreError, commits: Sequence[Commit]) -> list[Verdict]:
        """Return the verdicts on the commits of a transaction that failed."""
        response: Mapping[str, Any] = error.response if isinstance(error, ClientError) else {}
        reasons = iter(response.get("CancellationReasons", []))
        of_commits = [[*islice(reasons, 1 + len(commit.writes))] for commit in commits]
        if all(of_commits):
            verdicts = [self._cancelled(error, *each) for each in zip(commits, of_commits, strict=True)]
            return verdicts if verdicts != [CANCELLED] else [_unavailable(self._transaction(error, commits))]
        code, call = error_code(error), self._transaction(error, commits)
        if len(commits) > 1 and (code in _OWN_FAULTS or call.is_configuration_fault or code.startswith(_OF_ONE_PART)):
            return [CANCELLED] * len(commits)
        return [_failed(error) if code in _OWN_FAULTS else _unavailable(call)] * len(commits)

    def _cancelled(
        self, error: ClientError | BotoCoreError, commit: Commit, reasons: Sequence[Mapping[str, Any]]
    ) -> Verdict:
        """Return the verdict on one commit of a cancelled transaction.

        Checked in this order: the condition of our change, those of the business writes, faults of a part, the load of
        the table.
        """
        ours, *business = codes = [reason.get("Code", "None") for reason in reasons]
        if ours in _CONDITION_FAILED:
            return refused(reasons[0].get("Item"))
        if any(code in _CONDITION_FAILED for code in business):
            numbers = [number for number, code in enumerate(business, start=1) if code in _CONDITION_FAILED]
            msg = (
                f"the conditions of the transaction's writes must hold, got writes {numbers} of {len(business)} refused"
            )
            return _failed(ConditionFailedError(msg))
        for code, reason, (operation, table_name) in zip(codes, reasons, self._calls([commit]), strict=False):
            call = described_call(code, str(reason.get("Message")), operation, table_name)
            if call.is_configuration_fault:
                return _unavailable(call)
        if set(codes) - _MAY_PASS:
            return _failed(error)
        return self._passing(error, commit, codes)

    def _passing(self, error: ClientError | BotoCoreError, commit: Commit, codes: Sequence[str]) -> Verdict:
        """Return the verdict on a commit whose reasons will pass: a conflict, a load, or another commit at fault."""
        if set(codes) == {"None"}:
            return CANCELLED
        call = self._transaction(error, [commit])
        if "TransactionConflict" in codes:
            return Verdict(Outcome.CONFLICT, problem=replace(call, code="TransactionConflict"))
        return _unavailable(replace(call, code=next(code for code in codes if code != "None")))

    def _transaction(self, error: ClientError | BotoCoreError, commits: Sequence[Commit]) -> FailedCall:
        """Return a transaction that failed. If the error names a denied action only, the tables are those it is for."""
        calls = self._calls(commits)
        resource = ", ".join(dict.fromkeys(table_name for _, table_name in calls))
        call = failed_call(error, "dynamodb:TransactWriteItems", resource)
        denied = dict.fromkeys(table_name for operation, table_name in calls if operation == call.operation)
        names_no_table = call.resource == resource
        return replace(call, resource=", ".join(denied)) if denied and names_no_table else call

    def _calls(self, commits: Sequence[Commit]) -> list[tuple[str, str]]:
        """Return operation and table of each part of a transaction."""
        calls = []
        for commit in commits:
            calls.append(("dynamodb:UpdateItem", self.table_name))
            calls += [(f"dynamodb:{_ACTIONS[each.operation]}", str(each.table_name)) for each in commit.writes]
        return calls

    def _read(self, keys: list[dict[str, Any]], found: dict[str, Mapping[str, Any]]) -> dict[str, Verdict]:
        """Read `keys` into `found`; return the verdicts on those that DynamoDB did not process, by id."""
        left: list[Any] = keys
        operation = "dynamodb:BatchGetItem"
        for _ in range(READ_ROUNDS):
            try:
                answer = self.client.batch_get_item(
                    RequestItems={self.table_name: {"Keys": left, "ConsistentRead": True}}
                )
            except (ClientError, BotoCoreError) as error:
                if len(left) > 1 and error_code(error) in _OWN_FAULTS:  # one key is wrong: find out which
                    return {name: verdict for key in left for name, verdict in self._read([key], found).items()}
                return _each(left, self.call_failed(error, operation))
            for attributes in answer["Responses"].get(self.table_name, []):
                found[attributes[items.ID]["S"]] = attributes
            unprocessed = answer.get("UnprocessedKeys", {}).get(self.table_name)
            left = [*unprocessed["Keys"]] if unprocessed else []
            if not left:
                return {}
        return _each(left, _unavailable(FailedCall(operation, self.table_name, _UNPROCESSED)))

    def update_parameters(self, change: Change) -> dict[str, Any]:
        """Return the parameters of an `UpdateItem`, or of its part of a transaction, for `change`."""
        where = {**change.where}
        names = {f"#{name}": name for name in (*change.values, *change.removed, *where)}
        values = {f":{name}": to_attribute(value) for name, value in change.values.items()}
        expected = {f":expected_{name}": to_attribute(value) for name, value in where.items()}
        return {
            "TableName": self.table_name,
            "Key": {items.ID: {"S": change.item_id}},
            "UpdateExpression": _update_expression(change),
            "ConditionExpression": " AND ".join(f"#{name} = :expected_{name}" for name in where),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**values, **expected},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


def _update_expression(change: Change) -> str:
    sets = f"SET {', '.join(f'#{name} = :{name}' for name in change.values)}" if change.values else ""
    removes = f"REMOVE {', '.join(f'#{name}' for name in change.removed)}" if change.removed else ""
    return f"{sets} {removes}".strip()


def _business_part(write: BusinessWrite) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "TableName": write.table_name,
        "Item" if write.operation == "Put" else "Key": to_attributes(write.target),
        "UpdateExpression": write.update,
        "ConditionExpression": write.condition,
        "ExpressionAttributeNames": dict(write.names),
        "ExpressionAttributeValues": to_attributes(write.values),
    }
    return {write.operation: {name: value for name, value in arguments.items() if value}}


def _of_items(call: FailedCall) -> FailedCall:
    """Return a call on our own items. What DynamoDB can never take is a fault of the table, such as its key schema."""
    return replace(call, is_configuration_fault=call.is_configuration_fault or call.code in _OWN_FAULTS)


def _failed(error: Exception) -> Verdict:
    return Verdict(Outcome.FAILED, error=error)


def _each(keys: Sequence[Mapping[str, Any]], verdict: Verdict) -> dict[str, Verdict]:
    return {key[items.ID]["S"]: verdict for key in keys}


def _unavailable(call: FailedCall) -> Verdict:
    """Return the verdict on the writes of a call that failed, and log the call."""
    _logger.error("call failed", extra=call_fields(call))
    is_conflict = call.code == "TransactionInProgressException"
    return Verdict(Outcome.CONFLICT if is_conflict else Outcome.UNAVAILABLE, problem=call)


def refused(found: Mapping[str, Any] | None) -> Verdict:
    """Return the verdict on a write whose condition failed, with the item, if DynamoDB sent it and it can be read."""
    item = item_or_verdict(found) if found else None
    return Verdict(Outcome.REFUSED, item if isinstance(item, Item) else None)
