"""The life of an embedded cloud: where it listens, what it leaves behind, whom it outlives."""

import io
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from botocore.exceptions import ClientError

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.local.emulator_process import EmulatorProcess, free_port
from tsunagu.local.environments import environment_python
from tsunagu.local.state_folder import EmulatorRecord, StateFolder

SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(60)"
START_AND_WAIT = """
import sys, time
from pathlib import Path
from tsunagu.local.embedded_cloud import EmbeddedCloud
with EmbeddedCloud.start(Path(sys.argv[1])) as cloud:
    if "detach" in sys.argv:
        cloud.detach()
    print(cloud.endpoint_url, flush=True)
    time.sleep(60)
"""


def answers(endpoint_url: str, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, urlparse(endpoint_url).port)) == 0


def start_in_a_child(folder: Path, *options: str) -> tuple["subprocess.Popen[str]", str]:
    """Start a cloud in a process of its own, and return that process with the cloud's address."""
    command = [sys.executable, "-c", START_AND_WAIT, str(folder), *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout as lines:
        return child, lines.readline().strip()


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_listens_on_127_0_0_1_and_on_no_other_address(cloud: EmbeddedCloud) -> None:
    assert answers(cloud.endpoint_url)
    assert not answers(cloud.endpoint_url, host="127.0.0.2")  # an address of every machine, like those of its network


def test_two_run_side_by_side_and_know_nothing_of_each_other(cloud: EmbeddedCloud, tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path) as second:
        second.client("sqs").create_queue(QueueName="only-in-the-second")

        with pytest.raises(ClientError, match="NonExistentQueue"):
            cloud.client("sqs").get_queue_url(QueueName="only-in-the-second")
        assert second.client("sqs").get_queue_url(QueueName="only-in-the-second")


def test_accounts_of_one_cloud_see_nothing_of_each_other(cloud: EmbeddedCloud) -> None:
    other = cloud.in_account("100000000009")
    queues, tables = other.client("sqs"), other.client("dynamodb")

    own_url = cloud.client("sqs").create_queue(QueueName="of-an-account")["QueueUrl"]
    url = queues.create_queue(QueueName="of-an-account")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="{}")

    assert (cloud.account in own_url, other.account in url) == (True, True)
    assert own_url not in queues.list_queues()["QueueUrls"]
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=own_url)
    assert len(queues.receive_message(QueueUrl=url)["Messages"]) == 1
    assert tables.list_tables()["TableNames"] == []
    assert other.environment()["AWS_ACCESS_KEY_ID"] == other.account
    with pytest.raises(ValueError, match="account must be twelve digits, got '1'"):
        cloud.in_account("1")


def test_stop_ends_the_emulator_and_its_handlers(tmp_path: Path, eventually: Callable[..., Any]) -> None:
    cloud = EmbeddedCloud.start(tmp_path, enforce_iam=False)
    record = StateFolder(tmp_path).living_emulator()
    assert record is not None
    name = create_function(cloud, SLEEPER)
    cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event")
    (handler,) = eventually(lambda: cloud.handler_processes(name, busy=True))

    cloud.stop()
    cloud.stop()

    assert not answers(cloud.endpoint_url)
    eventually(lambda: group_is_gone(record.pid), seconds=20)  # the dead are collected by the machine's first process
    with pytest.raises(ProcessLookupError):
        os.kill(handler, 0)


def test_it_ends_with_the_process_that_started_it(tmp_path: Path, eventually: Callable[..., Any]) -> None:
    child, endpoint_url = start_in_a_child(tmp_path)
    record = StateFolder(tmp_path).living_emulator()
    assert record is not None

    child.kill()

    child.wait()
    eventually(lambda: group_is_gone(record.pid), seconds=20)
    assert not answers(endpoint_url)
    with pytest.raises(EmbeddedCloudError, match="got none"):
        EmbeddedCloud.attach(tmp_path)


def test_ctrl_c_stops_it(tmp_path: Path) -> None:
    child, endpoint_url = start_in_a_child(tmp_path)

    child.send_signal(signal.SIGINT)

    child.wait()
    assert not answers(endpoint_url)


def test_detached_it_lives_on_until_another_process_stops_it(tmp_path: Path) -> None:
    child, endpoint_url = start_in_a_child(tmp_path, "detach")
    child.kill()
    child.wait()

    attached = EmbeddedCloud.attach(tmp_path)
    lived_on = attached.endpoint_url == endpoint_url and answers(endpoint_url)
    attached.stop()

    assert lived_on
    assert not answers(endpoint_url)
    with pytest.raises(EmbeddedCloudError, match=r"an embedded cloud must run in .*, got none"):
        EmbeddedCloud.attach(tmp_path)


def test_record_that_outlived_its_emulator_is_no_cloud(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.lock.touch()
    folder.write_record(EmulatorRecord(pid=os.getpid(), endpoint_url="http://127.0.0.1:1"))

    with pytest.raises(EmbeddedCloudError, match="got none"):
        EmbeddedCloud.attach(tmp_path)


def test_fresh_start_replaces_the_cloud_that_lives_in_the_folder(tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path) as first, EmbeddedCloud.start(tmp_path) as second:
        assert first.endpoint_url != second.endpoint_url
        assert not answers(first.endpoint_url)


def test_start_that_is_not_fresh_returns_the_cloud_that_lives_in_the_folder(tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path) as first:
        second = EmbeddedCloud.start(tmp_path, fresh=False)

        assert second.endpoint_url == first.endpoint_url


def test_port_that_another_process_took_meanwhile_is_tried_no_more(
    cloud: EmbeddedCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([urlparse(cloud.endpoint_url).port, free_port()])
    monkeypatch.setattr("tsunagu.local.emulator_process.free_port", lambda: next(ports))

    with EmbeddedCloud.start(tmp_path) as second:
        assert second.endpoint_url != cloud.endpoint_url


def test_cloud_listens_on_the_port_that_is_asked_for(tmp_path: Path) -> None:
    port = free_port()

    with EmbeddedCloud.start(tmp_path, port=port) as first:
        assert urlparse(first.endpoint_url).port == port
        assert EmbeddedCloud.start(tmp_path, fresh=False, port=port).endpoint_url == first.endpoint_url
        with pytest.raises(EmbeddedCloudError, match=f"must listen on port {port + 1}, got one that runs at "):
            EmbeddedCloud.start(tmp_path, fresh=False, port=port + 1)


def test_port_that_is_taken_is_one_sentence(cloud: EmbeddedCloud, tmp_path: Path) -> None:
    port = urlparse(cloud.endpoint_url).port

    with pytest.raises(EmbeddedCloudError, match=rf"port {port} of 127\.0\.0\.1 must be free, got one that another"):
        EmbeddedCloud.start(tmp_path, port=port)


def test_folder_holds_one_cloud_even_when_two_start_at_once(tmp_path: Path) -> None:
    python = environment_python("emulator", log_path=tmp_path / "log", progress=print)
    folder = StateFolder(tmp_path)
    with EmbeddedCloud.start(tmp_path) as first:
        with pytest.raises(EmbeddedCloudError, match="one embedded cloud may live in a folder, got another in "):
            EmulatorProcess.start(folder, python=python, functions_python=python, enforce_iam=True)

        assert EmbeddedCloud.attach(tmp_path).endpoint_url == first.endpoint_url


def test_emulator_that_does_not_start_is_one_sentence_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsunagu.local.embedded_cloud.environment_python", lambda *_, **__: Path(sys.executable))

    with pytest.raises(EmbeddedCloudError, match=r"the emulator must serve .*, got exit code 1: see ") as caught:
        EmbeddedCloud.start(tmp_path)

    assert caught.value.log_path == str(tmp_path / "emulator.log")
    assert "ministack" in Path(caught.value.log_path).read_text()


def create_function(cloud: EmbeddedCloud, code: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", code)
    cloud.client("lambda").create_function(
        FunctionName="sleeper",
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/none",
        Timeout=60,
        Code={"ZipFile": archive.getvalue()},
    )
    return "sleeper"
