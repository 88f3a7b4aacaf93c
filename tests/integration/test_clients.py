"""Clients of the runtime's own session."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError

from tsunagu.runtime.aws.clients import client_config, dynamodb_client, s3_client, sfn_client, sns_client, sqs_client
from tsunagu.runtime.aws.session import session


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """A new process, as far as the session goes."""
    session.cache_clear()
    yield
    session.cache_clear()


@pytest.mark.parametrize(
    ("make_client", "service"),
    [(dynamodb_client, "DynamoDB"), (sqs_client, "SQS"), (sns_client, "SNS"), (sfn_client, "SFN"), (s3_client, "S3")],
)
def test_each_service_of_the_runtime_has_its_client(make_client: Callable[[Any], Any], service: str) -> None:
    assert make_client(client_config(5)).meta.service_model.service_id == service


@pytest.mark.parametrize(("longest", "read_timeout"), [({}, 2.0), ({"longest_read_seconds": 90}, 40 / 3)])
def test_call_and_its_retries_end_before_the_function_times_out(longest: dict[str, float], read_timeout: float) -> None:
    config: Any = client_config(90, **longest)

    assert (config.connect_timeout, config.read_timeout) == (1.0, pytest.approx(read_timeout))
    assert config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) < 90 * 2 / 3


def test_calls_say_which_sdk_makes_them() -> None:
    client: Any = dynamodb_client(client_config(5))
    agents: list[bytes] = []
    client.meta.events.register("before-send", lambda request, **_: agents.append(request.headers["User-Agent"]))

    client.list_tables()

    assert [agent.split(b"/")[0] for agent in agents] == [b"Botocore"]
    assert f"Botocore/{botocore.__version__}".encode() in agents[0]


def test_first_client_does_not_look_for_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    listdir = os.listdir

    def recorded(path: str) -> list[str]:
        listed.append(Path(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", recorded)

    dynamodb_client(client_config(5))

    assert 0 < len(listed) < 10  # the folders of DynamoDB, instead of 900


def test_other_sessions_know_all_services() -> None:
    dynamodb_client(client_config(5))

    assert "ec2" in boto3.Session().get_available_services()
    with pytest.raises(UnknownServiceError):
        session().create_client("ec2")


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "sns", "stepfunctions", "s3"])
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
def test_models_are_what_the_sdk_would_read(service: str, kind: str) -> None:
    ours, theirs = (
        _loader(owner).load_service_model(service, kind) for owner in (session(), botocore.session.get_session())
    )

    assert json.dumps(ours) == json.dumps(theirs)  # the order of members too


def test_models_of_a_data_path_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = tmp_path / "dynamodb" / "2999-01-01"
    version.mkdir(parents=True)
    (version / "service-2.json").write_text("{}")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))

    latest = _loader(session()).determine_latest_version("dynamodb", "service-2")

    assert latest == "2999-01-01"


def _loader(owner: botocore.session.Session) -> Any:
    return owner.get_component("data_loader")
