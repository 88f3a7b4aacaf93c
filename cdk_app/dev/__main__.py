"""`python -m cdk_app.dev`: serves the order service on 127.0.0.1 until Ctrl-C."""

import argparse
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cdk_app.dev.resources import Resources, make_resources, send_line
from tsunagu.contracts.web import WebEnvironment
from tsunagu.local.embedded_cloud import EmbeddedCloud

HOST = "127.0.0.1"
APPLICATION = "lambdas.order_api.handler:queue.asgi"
STATE_DIRECTORY = Path(".tsunagu/dev")
POLL_SECONDS = 0.2
_WATCHED = ("lambdas", "tsunagu")


def main() -> None:
    """Start everything, and stop it at the end."""
    parser = argparse.ArgumentParser(prog="make dev", description="The order service on this machine.")
    parser.add_argument("--port", type=int, default=8_000, help="port of the application; 0 takes a free one")
    parser.add_argument("--messages", type=Path, help="file of JSON lines, each a message for the queue")
    parser.add_argument("--state", type=Path, default=STATE_DIRECTORY, help="folder of the embedded cloud")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt), EmbeddedCloud.start(options.state, enforce_iam=False) as cloud:
        resources = make_resources(cloud)
        port = options.port or _free_port()
        with _children(resources, port) as children:
            _say(f"the application is at http://{HOST}:{port} (its documentation at /docs)")
            _say(f"the queue is {resources.queue_url}")
            _say(f"for the AWS CLI: export AWS_ENDPOINT_URL={cloud.endpoint_url}")
            _feed(cloud, resources, options.messages, children)


def _feed(
    cloud: EmbeddedCloud, resources: Resources, path: Path | None, children: Sequence["subprocess.Popen[bytes]"]
) -> None:
    """Send the lines of the file, and those that are added to it, as long as the children live."""
    place = 0
    while all(child.poll() is None for child in children):
        if path is not None and path.is_file():
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]  # the last line may still be written
            place = place if place <= len(whole) else 0  # the file was written anew
            for line in whole[place:].decode().splitlines():
                if line.strip() and (problem := send_line(cloud, resources.queue_url, line)):
                    _say(f"{path}: {problem}")
            place = len(whole)
        time.sleep(POLL_SECONDS)
    _say("a process of the service has ended: see above")


@contextlib.contextmanager
def _children(resources: Resources, port: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run the application and the consumers, each restarted when the code changes."""
    python, watched = sys.executable, [*_WATCHED]
    serve = [python, "-m", "uvicorn", "--factory", APPLICATION, "--host", HOST, "--port", str(port), "--reload"]
    serve += [part for folder in watched for part in ("--reload-dir", folder)]
    consume = shlex.join([python, "-m", "cdk_app.dev.consumer"])
    queue_alone = {WebEnvironment.variable_name("serves_api"): "false"}
    children: list[subprocess.Popen[bytes]] = []
    try:
        children.append(_start(serve, resources.environment))
        watch = [python, "-m", "watchfiles", "--filter", "python", consume, *watched]
        children.append(_start(watch, resources.environment | queue_alone))
        yield children
    finally:
        for child in children:
            _stop(child)


def _start(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(command, env={**own, **environment}, start_new_session=True)  # noqa: S603


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child and its own children, which have a process group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # it keeps nothing: what was not completed is delivered again
    child.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
