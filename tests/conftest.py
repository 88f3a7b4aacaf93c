"""What all tests share: AWS in this process, by moto, and the context of the app."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

PROJECT = Path(__file__).resolve().parents[1]


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
