"""Clients of the runtime's own session."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import UnknownServiceError

from lambdas.runtime.aws import clients
from lambdas.runtime.aws.clients import client_config, dynamodb_client, sfn_client, sns_client, sqs_client


@pytest.mark.parametrize(
    ("make_client", "service"),
    [(dynamodb_client, "DynamoDB"), (sqs_client, "SQS"), (sns_client, "SNS"), (sfn_client, "SFN")],
)
def test_each_service_of_the_runtime_has_its_client(make_client: Callable[[Any], Any], service: str) -> None:
    assert make_client(client_config(5)).meta.service_model.service_id == service


def test_first_client_does_not_look_for_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    listdir = os.listdir

    def recorded(path: str) -> list[str]:
        listed.append(Path(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", recorded)
    clients._session.cache_clear()  # noqa: SLF001 - as in a new process

    dynamodb_client(client_config(5))

    assert 0 < len(listed) < 10  # the folders of DynamoDB, instead of 900


def test_other_sessions_know_all_services() -> None:
    dynamodb_client(client_config(5))

    assert "s3" in boto3.Session().get_available_services()
    with pytest.raises(UnknownServiceError):
        clients._session().client("s3")  # noqa: SLF001
