"""Virtual environments of the embedded cloud: built once, also when several processes ask at the same time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.environments import environment_python
from tsunagu.local.launcher.settings import MINISTACK_VERSION

ASK = """
import sys
from pathlib import Path
from tsunagu.local.environments import environment_python
print(environment_python("functions", log_path=Path(sys.argv[1]), progress=print))
"""


def run(
    arguments: list[str], *, python: str = sys.executable, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    command = [python, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_two_processes_that_ask_at_once_share_one_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSUNAGU_CACHE_DIR", str(tmp_path / "cache"))

    def ask(number: int) -> list[str]:
        return run(["-c", ASK, str(tmp_path / f"{number}.log")]).stdout.splitlines()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, range(2))
    third = ask(2)

    assert first[-1] == second[-1] == third[-1]
    assert first[0].startswith("Building the functions environment of the embedded cloud, once, in ")
    assert len(third) == 1
    assert len(list((tmp_path / "cache" / "environments").iterdir())) == 1
    assert run(["-c", "import awslambdaric, boto3"], python=third[0]).returncode == 0


def test_failed_build_is_one_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSUNAGU_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    log = tmp_path / "environments.log"

    with pytest.raises(EmbeddedCloudError, match="uv must build the embedded cloud's environment, got exit code"):
        environment_python("functions", log_path=log, progress=lambda _: None)

    assert log.read_text()
    assert not list((tmp_path / "cache" / "environments").iterdir())


def test_launcher_refuses_another_version_of_ministack(tmp_path: Path, repository: Path) -> None:
    described = tmp_path / "ministack-9.9.9.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
    path = {"PYTHONPATH": f"{tmp_path}:{repository / 'tsunagu' / 'local'}"}
    options = ["--port", "1", "--lock", str(tmp_path / "lock"), "--functions-python", sys.executable]
    options += ["--images", str(tmp_path)]

    outcome = run(["-P", "-m", "launcher", *options], environment=path)

    assert outcome.returncode == 1
    assert outcome.stderr.strip() == "the launcher extends ministack 1.5.33, got 9.9.9"


def test_lock_has_the_version_of_ministack_that_the_launcher_extends(repository: Path) -> None:
    lock = (repository / "tsunagu" / "local" / "locks" / "emulator.txt").read_text()

    assert f"ministack=={MINISTACK_VERSION} " in lock
