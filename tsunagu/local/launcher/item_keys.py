"""Refuses items and keys that do not fit the key of their table, in PartiQL statements and in transactions.

ministack checks them in single calls only. In a transaction it takes a key of another table, and the write changes
nothing that a reader can find (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html).
"""

# ruff: noqa: SLF001 - the package's docstring says why

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .ministack_modules import dynamodb

Table = dict[str, Any]
Attributes = Mapping[str, Any]
Request = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

OTHER_KEY = "The provided key element does not match the schema"
_ERROR, _BAD_REQUEST = "ValidationException", 400


def install() -> None:
    """Check keys before ministack runs a statement or a transaction."""
    insert: Callable[[Table, Request], Answer] = dynamodb._partiql_insert
    key_target = dynamodb._partiql_key_target

    def insert_if_keyed(table: Table, parsed: Request) -> Answer:
        reason = _item_fault(table, _inserted(parsed))
        return _refusal(reason) if reason else insert(table, parsed)

    def key_target_if_keyed(table: Table, parsed: Request) -> Any:
        target = key_target(table, parsed)
        named = {name: value for name, operator, value in parsed.get("conditions") or [] if operator == "="}
        has_other_type = target[3] is None and not all(
            _has_type(table, name, named.get(name)) for name in _names(table)
        )
        return (None, None, None, _refusal(OTHER_KEY)) if has_other_type else target

    dynamodb._partiql_insert = insert_if_keyed
    dynamodb._partiql_key_target = key_target_if_keyed
    dynamodb._transact_write_items = _with_checked_keys(dynamodb._transact_write_items)
    dynamodb._transact_get_items = _with_checked_keys(dynamodb._transact_get_items)


def _with_checked_keys(transact: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    """Cancel a transaction with the reason of each member whose key does not fit."""

    def transact_if_keyed(data: Request) -> Answer:
        members = data.get("TransactItems")
        reasons = dict(_member_faults(members)) if isinstance(members, list) else {}
        if not reasons:
            return transact(data)
        cancelled: Answer = dynamodb._transact_validation_cancel_response(len(members or []), reasons)
        return cancelled

    return transact_if_keyed


def _member_faults(members: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """Iterate over the members of a transaction that do not fit: position and reason."""
    for position, member in enumerate(members):
        for operation, request in member.items() if isinstance(member, dict) else ():
            table = _table(request)
            if table is None:
                continue  # ministack refuses the call
            reason = (
                _missing_key(table, request.get("Item") or {})
                if operation == "Put"
                else _key_fault(table, request.get("Key") or {})
            )
            if reason:
                yield position, reason


def _table(request: object) -> Table | None:
    name = request.get("TableName") if isinstance(request, dict) else None
    return dynamodb._tables.get(dynamodb._normalize_table_name(name)) if isinstance(name, str) else None


def _names(table: Table) -> list[str]:
    return [name for name in (table["pk_name"], table["sk_name"]) if name]


def _item_fault(table: Table, item: Attributes) -> str | None:
    """Return why a table does not take an item: its key, or the key of an index."""
    reason: str | None = (
        _missing_key(table, item)
        or dynamodb._key_type_mismatch_reason(table, item)
        or dynamodb._index_key_type_reason(table, item)
        or dynamodb._index_key_empty_reason(table, item)
    )
    return reason


def _missing_key(table: Table, item: Attributes) -> str | None:
    missing = next((name for name in _names(table) if name not in item), None)
    return missing and f"One or more parameter values were invalid: Missing the key {missing} in the item"


def _key_fault(table: Table, key: Attributes) -> str | None:
    names = _names(table)
    fits = set(key) == set(names) and all(_has_type(table, name, key[name]) for name in names)
    return None if fits else OTHER_KEY


def _has_type(table: Table, name: str, value: object) -> bool:
    return isinstance(value, dict) and set(value) == {dynamodb._get_attr_type(table, name)}


def _inserted(parsed: Request) -> Attributes:
    item = parsed.get("item") or {}
    inserted: Attributes = item["M"] if isinstance(item, dict) and set(item) == {"M"} else item
    return inserted


def _refusal(reason: str) -> Answer:
    answer: Answer = dynamodb.error_response_json(_ERROR, reason, _BAD_REQUEST)
    return answer
