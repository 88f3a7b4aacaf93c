"""Checks each PartiQL statement by the IAM action that it performs, on its own table.

`BatchExecuteStatement`, `ExecuteStatement` and `ExecuteTransaction` are calls, not IAM actions. AWS checks
`dynamodb:PartiQLInsert`, `PartiQLUpdate`, `PartiQLDelete` and `PartiQLSelect`
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html).
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
from typing import Any

from .ministack_modules import dynamodb, iam_actions

_STATEMENT_LISTS = {
    "dynamodb:BatchExecuteStatement": "Statements",
    "dynamodb:ExecuteTransaction": "TransactStatements",
}
_ACTIONS = {
    "INSERT": "dynamodb:PartiQLInsert",
    "UPDATE": "dynamodb:PartiQLUpdate",
    "DELETE": "dynamodb:PartiQLDelete",
    "SELECT": "dynamodb:PartiQLSelect",
    "EXISTS": "dynamodb:PartiQLSelect",
}

Check = tuple[str, str]


def install() -> None:
    """Check PartiQL statements at the place where ministack checks the items of a transaction."""
    transaction_checks = iam_actions.dynamodb_transaction_checks

    def checks(iam_action: str, body: bytes, region: str, account_id: str) -> list[Check]:
        found: list[Check] = transaction_checks(iam_action, body, region, account_id)
        for statement in _statements(iam_action, body):
            found += _checks_of(statement, region, account_id)
        return found

    iam_actions.dynamodb_transaction_checks = checks


def _statements(iam_action: str, body: bytes) -> list[dict[str, Any]]:
    if iam_action != "dynamodb:ExecuteStatement" and iam_action not in _STATEMENT_LISTS:
        return []
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    if not isinstance(request, dict):
        return []
    statements = request.get(_STATEMENT_LISTS[iam_action]) if iam_action in _STATEMENT_LISTS else [request]
    return [entry for entry in statements or [] if isinstance(entry, dict)]


def _checks_of(statement: dict[str, Any], region: str, account_id: str) -> list[Check]:
    try:
        parsed = dynamodb._parse_partiql(statement.get("Statement", ""), statement.get("Parameters", []))
    except ValueError:
        return []  # the same parser refuses the call before it reaches a table
    resource = iam_actions._dynamodb_table_arn(parsed["table"], region, account_id)
    if parsed.get("index"):
        resource += f"/index/{parsed['index']}"
    return [(_ACTIONS[parsed["op"]], resource)]
