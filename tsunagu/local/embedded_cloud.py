"""Starts and stops the embedded cloud, deploys to it with the real CDK CLI, and makes boto3 clients of it."""

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.account import ACCOUNT, REGION
from tsunagu.local.assembly_files import regions
from tsunagu.local.cdk_command import QUIET_JSII, cdk_command, run_logged, synthesize
from tsunagu.local.emulator_process import EmulatorProcess
from tsunagu.local.environments import Progress, environment_python
from tsunagu.local.image_layouts import write_layouts
from tsunagu.local.launcher.settings import HANDLERS_PATH
from tsunagu.local.state_folder import StateFolder

__all__ = ["DEFAULT_STATE_DIRECTORY", "EmbeddedCloud", "synthesize"]

DEFAULT_STATE_DIRECTORY = Path(".tsunagu/cloud")
_SECRET = "test"  # noqa: S105 - of every account
TOOLKIT_STACK = "CDKToolkit"

StackOutputs = dict[str, dict[str, str]]


def to_standard_error(sentence: str) -> None:
    """Print a sentence about progress to standard error, so that it does not mix with the output of a command."""
    sys.stderr.write(f"{sentence}\n")


class EmbeddedCloud:
    """A running embedded cloud. It listens on a free port of 127.0.0.1.

    As a context manager it stops at the end of the block. Without `detach`, it also ends with the process that started
    it, even when that process is killed.

    Attributes:
        endpoint_url: Address of every AWS service.
        log_path: Log of the emulator. The logs of functions are in its CloudWatch Logs.
        account: Number of the account whose root user calls.
    """

    def __init__(self, emulator: EmulatorProcess, account: str = ACCOUNT) -> None:
        self._emulator = emulator
        self.account = account
        self._clients: dict[tuple[str, str], Any] = {}
        self.endpoint_url = emulator.record.endpoint_url
        self.log_path = emulator.folder.emulator_log

    @classmethod
    def start(
        cls,
        state_directory: Path = DEFAULT_STATE_DIRECTORY,
        *,
        enforce_iam: bool = True,
        fresh: bool = True,
        port: int | None = None,
        progress: Progress = to_standard_error,
    ) -> Self:
        """Start an embedded cloud, and wait until it answers.

        Args:
            state_directory: Folder of its state and logs. Only one cloud can run in a folder.
            enforce_iam: Whether each call is checked against the policies of its caller.
            fresh: Whether a cloud that runs in the folder is stopped first, and its logs are removed. Otherwise that
                cloud is returned as it is.
            port: Port of 127.0.0.1 that it listens on. Default: a free one.
            progress: Called with a sentence before a step that takes long. Default: prints to standard error.

        Raises:
            EmbeddedCloudError: The cloud did not start; the message names the log. Or the port is not free, or the
                cloud that runs in the folder listens on another one.
        """
        folder = StateFolder(state_directory.absolute())
        living = EmulatorProcess.attach(folder)
        if living is not None and not fresh:
            _check_port(living, port)
            return cls(living)
        if living is not None:
            living.stop()
        folder.prepare(fresh=fresh)
        python = environment_python("emulator", log_path=folder.environments_log, progress=progress)
        functions_python = environment_python("functions", log_path=folder.environments_log, progress=progress)
        emulator = EmulatorProcess.start(
            folder, python=python, functions_python=functions_python, enforce_iam=enforce_iam, port=port
        )
        return cls(emulator)

    @classmethod
    def attach(cls, state_directory: Path = DEFAULT_STATE_DIRECTORY) -> Self:
        """Return the embedded cloud that runs in a folder. Another process may have started it.

        Raises:
            EmbeddedCloudError: No cloud runs there. Files of a cloud that has ended do not count.
        """
        cloud = cls.find(state_directory)
        if cloud is None:
            msg = f"an embedded cloud must run in {state_directory}, got none"
            raise EmbeddedCloudError(msg)
        return cloud

    @classmethod
    def find(cls, state_directory: Path = DEFAULT_STATE_DIRECTORY) -> Self | None:
        """Return the embedded cloud that runs in a folder; None when no cloud runs there."""
        emulator = EmulatorProcess.attach(StateFolder(state_directory.absolute()))
        return None if emulator is None else cls(emulator)

    def in_account(self, account: str) -> "EmbeddedCloud":
        """Return the same cloud as another account sees it: with stacks and resources of its own.

        Args:
            account: Number of the account: twelve digits. It need not be created.
        """
        if len(account) != len(ACCOUNT) or not account.isdecimal():
            msg = f"account must be twelve digits, got {account!r}"
            raise ValueError(msg)
        return EmbeddedCloud(self._emulator, account)

    def detach(self) -> None:
        """Let the cloud run on when this process ends. `EmbeddedCloud.attach().stop()` stops it later."""
        self._emulator.detach()

    def stop(self) -> None:
        """Stop the cloud and all handler processes. The logs stay. A second call does nothing."""
        self._emulator.stop()

    def __enter__(self) -> Self:
        """Return the cloud."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the cloud."""
        self.stop()

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which SDKs, the AWS CLI and the CDK CLI use this cloud as root."""
        return {
            "AWS_ACCESS_KEY_ID": self.account,  # twelve digits stand for the root user of this account
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "CDK_HOME": str(self._emulator.folder.cdk_home),
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """Return the boto3 client of a service in a region, with the permissions of the root user."""
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                cast("Any", service),
                endpoint_url=self.endpoint_url,
                region_name=region,
                aws_access_key_id=self.account,
                aws_secret_access_key=_SECRET,
            )
        return self._clients[service, region]

    def deploy(self, assembly: Path) -> StackOutputs:
        """Deploy every stack of a cloud assembly with the CDK CLI. A region is bootstrapped first, once.

        Args:
            assembly: Folder that `synthesize` or `cdk synth` wrote.

        Returns:
            Outputs of each stack, by stack name.

        Raises:
            EmbeddedCloudError: The CDK CLI is missing or failed; the message names its log. Or an image has an
                instruction that cannot be followed without Docker, or a stack is for another account.
        """
        folder = self._emulator.folder
        functions_python = environment_python("functions", log_path=folder.environments_log, progress=to_standard_error)
        write_layouts(assembly.absolute(), folder.images, functions_python, folder.environments_log)
        app = ("--app", str(assembly.absolute()))  # for bootstrap too, or it would synthesize the app of cdk.json
        for region in regions(assembly.absolute(), self.account):
            if not self._is_bootstrapped(region):
                self.run_cdk("bootstrap", f"aws://{self.account}/{region}", *app)
        options = ("**", "--require-approval", "never", "--outputs-file", str(folder.outputs))
        self.run_cdk("deploy", *app, *options)
        outputs: StackOutputs = json.loads(folder.outputs.read_text())
        return outputs

    def run_cdk(self, *arguments: str) -> None:
        """Run one command of the CDK CLI against this cloud.

        Raises:
            EmbeddedCloudError: The CDK CLI is missing or failed; the message names its log.
        """
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        offline = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "1"}
        run_logged(
            [cdk_command(), "--no-notices", "--no-version-reporting", "--no-color", *arguments],
            f"cdk {arguments[0]} must succeed on the embedded cloud",
            own | nowhere | offline | QUIET_JSII | self.environment(),
            self._emulator.folder.deployment_log,
        )

    def _is_bootstrapped(self, region: str) -> bool:
        try:
            self.client("cloudformation", region).describe_stacks(StackName=TOOLKIT_STACK)
        except ClientError:
            return False
        return True

    def handler_processes(self, function_name: str, *, busy: bool = False) -> list[int]:
        """Return the process ids of the live handlers of a function.

        Args:
            function_name: Name of the function, not its ARN.
            busy: Whether only handlers count that work on an invocation.
        """
        handlers = self._emulator.ask(f"{HANDLERS_PATH}{function_name}")
        return [handler["pid"] for handler in handlers if handler["busy"] or not busy]


def _check_port(living: EmulatorProcess, port: int | None) -> None:
    """Raise `EmbeddedCloudError` when the cloud that runs does not listen on the port that is wanted."""
    endpoint_url = living.record.endpoint_url
    if port is not None and urlsplit(endpoint_url).port != port:
        msg = f"the embedded cloud must listen on port {port}, got one that runs at {endpoint_url}: stop it first"
        raise EmbeddedCloudError(msg)
