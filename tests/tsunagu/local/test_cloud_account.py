"""`CloudAccount.kill` of `tsunagu.testing`: kills who works, and nobody else."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing import CloudAccount

ACCOUNT = "471100000000"
CODE = """
import time
def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return "done"
"""


@pytest.fixture
def account(cloud: EmbeddedCloud, tmp_path: Path) -> CloudAccount:
    return CloudAccount(cloud.in_account(ACCOUNT), tmp_path)


@pytest.fixture
def function_name(account: CloudAccount, request: pytest.FixtureRequest) -> str:
    name = request.function.__name__[:60]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", CODE)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = account.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    account.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Role"]["Arn"],
        Timeout=60,
        Code={"ZipFile": archive.getvalue()},
    )
    return str(name)


def invoke(account: CloudAccount, function_name: str, kind: str = "RequestResponse", **event: Any) -> str:
    answer = account.client("lambda").invoke(
        FunctionName=function_name, InvocationType=kind, Payload=json.dumps(event).encode()
    )
    return str(answer["Payload"].read().decode())


def test_kill_ends_the_process_that_works_and_the_next_invocation_has_another(
    account: CloudAccount, function_name: str, eventually: Callable[..., Any]
) -> None:
    assert invoke(account, function_name) == '"done"'
    (idle,) = account.cloud.handler_processes(function_name)
    invoke(account, function_name, "Event", seconds=60)

    assert account.kill(function_name) == 1

    eventually(lambda: idle not in account.cloud.handler_processes(function_name))
    assert invoke(account, function_name) == '"done"'
    assert idle not in account.cloud.handler_processes(function_name)


def test_kill_of_a_function_that_has_nothing_to_do_fails_and_leaves_its_process_alone(
    account: CloudAccount, function_name: str
) -> None:
    invoke(account, function_name)
    (idle,) = account.cloud.handler_processes(function_name)

    with pytest.raises(AssertionError, match="a busy handler"):
        account.kill(function_name, seconds=0.3)

    os.kill(idle, 0)
