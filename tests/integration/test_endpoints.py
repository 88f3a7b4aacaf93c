"""The endpoints of the runtime's session are those that the SDK finds in its file of all endpoints."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.config import Config

from tsunagu.runtime.aws.endpoints import use_regional_endpoints
from tsunagu.runtime.aws.session import session

DATA = Path(botocore.__file__).with_name("data")
SERVICES = ("dynamodb", "sns", "sqs", "stepfunctions")
OPERATIONS = {"dynamodb": "ListTables", "sns": "ListTopics", "sqs": "ListQueues", "stepfunctions": "ListStateMachines"}


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new process with keys, as far as the session goes; no call of it reaches a network."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session.cache_clear()
    yield
    session.cache_clear()


@pytest.fixture
def sdk() -> botocore.session.Session:
    """The SDK's own session."""
    return botocore.session.get_session()


def regions() -> list[str]:
    partitions = json.loads((DATA / "endpoints.json").read_bytes())["partitions"]
    return [region for partition in partitions for region in partition["regions"]]


@pytest.mark.parametrize("service", SERVICES)
def test_each_region_has_the_address_and_the_signature_that_the_sdk_finds(
    service: str, sdk: botocore.session.Session
) -> None:
    named = [*regions(), "eu-newplace-7"]  # as a region that AWS opens later

    ours, theirs = ([_facts(owner, service, region) for region in named] for owner in (session(), sdk))

    assert ours == theirs
    assert len(ours) > 40


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("option", ["use_fips_endpoint", "use_dualstack_endpoint"])
def test_endpoints_of_another_kind_are_those_of_the_sdk(
    service: str, option: str, sdk: botocore.session.Session
) -> None:
    wanted: dict[str, Any] = {option: True}
    config = Config(**wanted)

    ours, theirs = (_facts(owner, service, "us-east-1", config) for owner in (session(), sdk))

    assert ours == theirs
    assert ours["url"] != _facts(sdk, service, "us-east-1")["url"]


@pytest.mark.parametrize("region", ["local", "us-gov-west-1-fips", "aws-global"])
def test_what_is_no_region_has_the_endpoint_of_the_sdk(region: str, sdk: botocore.session.Session) -> None:
    ours, theirs = (_facts(owner, "dynamodb", region) for owner in (session(), sdk))

    assert ours == theirs


def test_first_client_does_not_read_the_endpoints_of_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    read = _recorded(monkeypatch)

    for service in SERVICES:
        session().create_client(service, region_name="us-east-1")

    assert "partitions.json" in read
    assert "endpoints.json" not in read
    session().create_client("s3", region_name="us-east-1")
    assert "endpoints.json" in read


def test_file_of_endpoints_of_the_user_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = json.loads((DATA / "endpoints.json").read_bytes())
    for partition in own["partitions"]:
        partition["services"]["dynamodb"] = {"endpoints": {"us-east-1": {"hostname": "tables.example.com"}}}
    (tmp_path / "endpoints.json").write_text(json.dumps(own))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))

    assert _facts(session(), "dynamodb", "us-east-1")["url"] == "https://tables.example.com/"


def test_session_of_an_sdk_that_takes_no_resolver_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(botocore.session.Session, "_register_internal_component")
    made: Any = botocore.session.get_session()
    use_regional_endpoints(made)

    assert made.create_client("dynamodb", region_name="cn-north-1").meta.partition == "aws-cn"


def test_regions_and_partitions_are_still_those_of_the_sdk(sdk: botocore.session.Session) -> None:
    assert session().get_available_partitions() == sdk.get_available_partitions()
    assert session().get_available_regions("dynamodb") == sdk.get_available_regions("dynamodb")
    assert session().get_partition_for_region("cn-north-1") == "aws-cn"


def _facts(
    owner: botocore.session.Session, service: str, region: str, config: Config | None = None
) -> dict[str, object]:
    """Return what a call of a client would be: where it goes, and how it is signed."""
    client: Any = owner.create_client(service, region_name=region, config=config)
    called: list[Any] = []

    def record(request: Any, **_: object) -> Any:
        called.append(request)
        raise _NotSentError

    client.meta.events.register_first("before-send", record)  # before the fake of AWS
    operation = OPERATIONS[service]
    with pytest.raises(_NotSentError):
        client._make_api_call(operation, {})  # noqa: SLF001 - by the operation's name, whatever its method is called
    request = called[0]
    signed = request.headers["Authorization"].decode()
    return {
        "url": request.url,
        "scope": signed.split("Credential=")[1].split(",")[0].split("/", 2)[2],
        "partition": client.meta.partition,
        "region": client.meta.region_name,
        "service": client.meta.service_model.service_name,
    }


def _recorded(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    read: set[str] = set()
    read_bytes = Path.read_bytes

    def recorded(path: Path) -> bytes:
        read.add(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", recorded)
    return read


class _NotSentError(Exception):
    pass
