"""Takes a permission from a deployed role while a block runs, and waits for the invocation that lacks it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cdk_app.demo.logs import log_lines
from tsunagu.local.embedded_cloud import EmbeddedCloud

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

Statement = Mapping[str, Any]
LOOK_SECONDS = 120
LOOK_AGAIN_SECONDS = 0.05


@contextmanager
def without_permission(iam: "IAMClient", role_name: str, action: str, resource_part: str) -> Iterator[None]:
    """Leave out `action` on the resources whose ARN holds `resource_part`, and nothing else."""
    names = iam.list_role_policies(RoleName=role_name)["PolicyNames"]
    before = {name: iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"] for name in names}
    reduced = {name: _without(document, action, resource_part) for name, document in before.items()}
    assert reduced != {name: _split(document) for name, document in before.items()}, f"no {action} to take away"
    try:
        _put(iam, role_name, reduced)
        yield
    finally:
        _put(iam, role_name, before)


def count_ended_invocations(cloud: EmbeddedCloud, function_name: str) -> int:
    return sum("platform.report" in text for text in log_lines(cloud, function_name))


def wait_for_an_invocation(cloud: EmbeddedCloud, function_name: str, ended_before: int) -> None:
    """Wait until more invocations of a function have ended than `ended_before`."""
    deadline = time.monotonic() + LOOK_SECONDS
    while count_ended_invocations(cloud, function_name) == ended_before:
        assert time.monotonic() < deadline, f"{function_name} never got the message"
        time.sleep(LOOK_AGAIN_SECONDS)


def _put(iam: "IAMClient", role_name: str, documents: Mapping[str, Any]) -> None:
    for name, document in documents.items():
        if document["Statement"]:
            iam.put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=json.dumps(document))
        else:  # IAM takes no policy without a statement
            iam.delete_role_policy(RoleName=role_name, PolicyName=name)


def _without(document: Any, action: str, resource_part: str) -> dict[str, Any]:
    split = _split(document)
    kept = [one for one in split["Statement"] if one["Action"] != action or resource_part not in one["Resource"]]
    return {**split, "Statement": kept}


def _split(document: Any) -> dict[str, Any]:
    """Write `document` with one action and one resource a statement."""
    statements = [
        {**statement, "Action": action, "Resource": resource}
        for statement in _listed(document["Statement"])
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    return {**document, "Statement": statements}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
