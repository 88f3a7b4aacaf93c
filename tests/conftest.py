"""What all tests share: AWS in this process, by moto, the context of the app, and an order that suits workers."""

import json
import logging
import marshal
import signal
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, Phase, settings
from moto import mock_aws

from tests.clouds import stop_shared_clouds
from tests.groups import ALONE, group_of, turn_of
from tsunagu.runtime.aws.clients import process_dynamodb_client
from tsunagu.runtime.telemetry import HandlerCode

TESTS = Path(__file__).resolve().parent
PROJECT = TESTS.parent

# How long an example takes says something about the machine, and what else it does.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "mutation",
    settings.get_profile("patient"),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
)
settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its group, and put what takes longest first, so that workers end at about the same time."""
    turns = {}
    for item in items:
        path, fixtures = item.path.relative_to(TESTS), getattr(item, "fixturenames", ())
        turns[item] = turn_of(path, fixtures)
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
        if path.parts[0] in ALONE:
            item.add_marker(pytest.mark.no_cover)  # these drive clouds and schedules, where each call counts
    items.sort(key=turns.__getitem__)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the clouds of a group after its last test."""
    if nextitem is None or _group(item) != _group(nextitem):
        stop_shared_clouds()


def _group(item: pytest.Item) -> str | None:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return group_of(item.path.relative_to(TESTS), getattr(item, "fixturenames", ()), parameters.get("stage"))


@pytest.fixture(autouse=True, scope="session")
def sigint() -> None:
    """Let children hear SIGINT: they inherit that it is ignored, where a shell runs the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def data_of_the_sdk() -> Iterator[None]:
    """Parse each file of the SDK's data once: a client of a new session reads megabytes, and tests make thousands.

    Each reader has a copy of its own, because the SDK changes what it has read.
    """
    parse = JSONFileLoader().load_file

    @cache
    def packed(path: str) -> bytes:
        return marshal.dumps(json.loads(json.dumps(parse(path))))

    with pytest.MonkeyPatch.context() as patch:
        copy = lambda _loader, path: marshal.loads(packed(path))  # noqa: E731, S302 - what `packed` wrote
        patch.setattr(JSONFileLoader, "load_file", copy)
        yield


@pytest.fixture(autouse=True)
def process_wide_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a handler configures for its process: its hooks, filters of logs, and where its own code is."""
    for handler in logging.getLogger().handlers:
        monkeypatch.setattr(handler, "filters", [*handler.filters])
    for name in ("folder", "is_package", "log_tracebacks"):
        monkeypatch.setattr(HandlerCode, name, getattr(HandlerCode, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)


@pytest.fixture(autouse=True)
def process_wide_client() -> None:
    """Forget the client that the parts of a function share: another test may have another account."""
    process_dynamodb_client.cache_clear()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, and no way to a real one: moto brings credentials of its own."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def app_context() -> dict[str, Any]:
    """The context of cdk.json: feature flags and stages, as the CDK CLI would hand them over."""
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return context
