"""`tsunagu up` on an app of another team: where it is, what it gets, and what is printed."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tsunagu.cli.conftest import Tsunagu
from tsunagu.local.function_platforms import machine_platform

WRITE_ASSEMBLY = """
import json, os, pathlib
output = pathlib.Path(os.environ["CDK_OUTDIR"])
(output / "S.template.json").write_text(json.dumps({"Resources": {"F": {
    "Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python2.7"}}}}))
(output / "manifest.json").write_text(json.dumps({"artifacts": {}}))
"""


class Cloud:
    """Stands for the embedded cloud, which tests in `tests/tsunagu/local` start."""

    endpoint_url = "http://127.0.0.1:4566"

    def __init__(self, port: int | None) -> None:
        self.port = port
        self.deployed: list[Path] = []

    def deploy(self, assembly: Path) -> dict[str, dict[str, str]]:
        self.deployed.append(assembly)
        return {"S": {"FifoQueueUrl": "http://127.0.0.1:4566/000000000000/fifo"}}

    def detach(self) -> None: ...

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint_url}


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Cloud]:
    clouds: list[Cloud] = []

    def start(_folder: Path, *, fresh: bool, port: int | None) -> Cloud:
        assert not fresh
        clouds.append(Cloud(port))
        return clouds[-1]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tsunagu.cli.up.EmbeddedCloud.start", start)
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "main.py").write_text(WRITE_ASSEMBLY)
    (tmp_path / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} infra/main.py"}))
    return clouds


def test_app_of_cdk_json_is_deployed_and_its_outputs_are_printed(tsunagu: Tsunagu, started: list[Cloud]) -> None:
    result = tsunagu("up")

    assert result.code == 0, result.err
    [cloud] = started
    assert ([path.name for path in cloud.deployed], cloud.port) == (["cdk.out"], None)
    assert "stage=embedded" in result.out
    assert "S.FifoQueueUrl = http://127.0.0.1:4566/000000000000/fifo" in result.out.splitlines()


def test_function_that_is_not_for_this_machine_is_a_warning(tsunagu: Tsunagu, started: list[Cloud]) -> None:
    result = tsunagu("up")

    assert started
    assert f"warning: functions must be for {machine_platform()}" in result.err
    assert "S/F" in result.err


@pytest.mark.parametrize(("port", "expected"), [("4566", 4566), ("65535", 65535)])
def test_cloud_listens_on_the_port_that_is_asked_for(
    tsunagu: Tsunagu, started: list[Cloud], port: str, expected: int
) -> None:
    result = tsunagu("up", "--port", port)

    assert (result.code, [cloud.port for cloud in started]) == (0, [expected])


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_port_that_is_none_is_refused_before_anything_runs(
    tsunagu: Tsunagu, started: list[Cloud], port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def synthesize(*_: Any) -> Path:
        raise AssertionError

    monkeypatch.setattr("tsunagu.cli.up.synthesize", synthesize)

    assert tsunagu("up", "--port", port).code == 2
    assert started == []
