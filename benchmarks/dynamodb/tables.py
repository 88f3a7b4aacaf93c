"""The items, and the calls on them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.dynamodb.expressions import Attributes, Bindings, condition, statement, updated

Key = tuple[Any, ...]
Request = Mapping[str, Any]

KEY_ATTRIBUTES = ("id", "account", "entry")  # of every table here: those that an item has are its key


class CallError(Exception):
    """A call that DynamoDB refuses.

    Attributes:
        answer: The body of the answer, with its type.
    """

    def __init__(self, kind: str, **fields: Any) -> None:
        super().__init__(kind)
        self.answer = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": kind, **fields}


class Tables:
    """Items by table and key. A table begins to exist with its first item.

    Attributes:
        calls: Number of calls of each operation.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._items: defaultdict[str, dict[Key, Attributes]] = defaultdict(dict)
        self._tokens: set[str] = set()
        self._operations: Mapping[str, Callable[[Request], Any]] = {
            "BatchExecuteStatement": self._batch_execute_statement,
            "BatchGetItem": self._batch_get_item,
            "GetItem": self._get_item,
            "PutItem": self._write_item,
            "Scan": lambda request: {"Items": [*self._items[request["TableName"]].values()]},
            "UpdateItem": self._write_item,
            "TransactWriteItems": self._transact_write_items,
        }

    def answer(self, operation: str, request: Request) -> Any:
        """Apply a call and return the body of its answer.

        Raises:
            CallError: DynamoDB would refuse it.
        """
        self.calls[operation] += 1
        if operation not in self._operations:
            kind = "UnknownOperationException"
            raise CallError(kind)
        return self._operations[operation](request)

    def item(self, table_name: str, key: Key) -> Attributes | None:
        """Return an item; None if there is none."""
        return self._items[table_name].get(key)

    def store(self, table_name: str, key: Key, item: Attributes) -> None:
        """Write an item: what every call that writes comes to."""
        self._items[table_name][key] = item

    def refuse(self, table_name: str, key: Key) -> None:
        """Note that a condition refused a write: what every refusal comes to. Nothing is kept here."""

    def states(self) -> dict[str, Counter[str]]:
        """Count the items of each table by their `status`."""
        return {
            name: Counter(item.get("status", {"S": ""})["S"] for item in items.values())
            for name, items in self._items.items()
        }

    def _batch_execute_statement(self, request: Request) -> Any:
        return {"Responses": [self._execute(entry) for entry in request["Statements"]]}

    def _execute(self, entry: Request) -> Any:
        parsed, parameters = statement(entry["Statement"]), entry["Parameters"]
        values = dict(zip(parsed.values, parameters, strict=False))
        items = self._items[parsed.table_name]
        if parsed.where is None:
            key = _key(values)
            if key in items:
                self.refuse(parsed.table_name, key)
                return {"Error": {"Code": "DuplicateItem", "Message": "the item exists"}}
            self.store(parsed.table_name, key, values)
        else:
            where = dict(zip(parsed.where, parameters[len(parsed.values) :], strict=True))
            key = _key(where)
            found = items.get(key, {})
            if any(found.get(name) != value for name, value in where.items()):
                self.refuse(parsed.table_name, key)
                refusal = {"Code": "ConditionalCheckFailed", "Message": "the condition failed"}
                return {"Error": refusal | ({"Item": found} if found else {})}
            self.store(parsed.table_name, key, found | values)
        return {"TableName": parsed.table_name}

    def _batch_get_item(self, request: Request) -> Any:
        responses = {
            name: [found for key in asked["Keys"] if (found := self._items[name].get(_key(key)))]
            for name, asked in request["RequestItems"].items()
        }
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _get_item(self, request: Request) -> Any:
        found = self._items[request["TableName"]].get(_key(request["Key"]))
        return {"Item": found} if found else {}

    def _write_item(self, request: Request) -> Any:
        if not self._holds(request):
            self.refuse(request["TableName"], _target(request))
            kind = "ConditionalCheckFailedException"
            raise CallError(kind, **self._old(request))
        self._write(request)
        return {}

    def _transact_write_items(self, request: Request) -> Any:
        parts = [part for entry in request["TransactItems"] for part in entry.values()]
        token = request["ClientRequestToken"]
        if token in self._tokens:
            return {}
        if len({(part["TableName"], _target(part)) for part in parts}) < len(parts):
            kind = "ValidationException"
            raise CallError(kind)
        if not all(map(self._holds, parts)):
            for part in parts:
                self.refuse(part["TableName"], _target(part))
            reasons = [
                {"Code": "None"} if self._holds(part) else {"Code": "ConditionalCheckFailed", **self._old(part)}
                for part in parts
            ]
            kind = "TransactionCanceledException"
            raise CallError(kind, CancellationReasons=reasons)
        for part in parts:
            self._write(part)
        self._tokens.add(token)
        return {}

    def _holds(self, request: Request) -> bool:
        expression = request.get("ConditionExpression")
        found = self._items[request["TableName"]].get(_target(request), {})
        return expression is None or condition(expression)(Bindings.of(request), found)

    def _old(self, request: Request) -> dict[str, Any]:
        found = self._items[request["TableName"]].get(_target(request))
        return {"Item": found} if found and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}

    def _write(self, request: Request) -> None:
        table_name, key = request["TableName"], _target(request)
        if "Item" in request:
            self.store(table_name, key, request["Item"])
        else:
            found: Attributes = self._items[table_name].get(key) or request["Key"]
            self.store(table_name, key, updated(request["UpdateExpression"], Bindings.of(request), found))


def _target(request: Request) -> Key:
    return _key(request["Item"] if "Item" in request else request["Key"])


def _key(attributes: Attributes) -> Key:
    return tuple(attributes[name]["S"] for name in KEY_ATTRIBUTES if name in attributes)
