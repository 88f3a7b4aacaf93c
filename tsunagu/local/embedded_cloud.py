"""The embedded cloud: AWS on this machine. Start it, deploy to it with the real CDK CLI, drive it with boto3."""

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import boto3
from botocore.exceptions import ClientError

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.cdk_command import QUIET_JSII, cdk_command, run_logged, synthesize
from tsunagu.local.emulator_process import EmulatorProcess
from tsunagu.local.environments import Progress, environment_python
from tsunagu.local.launcher.settings import HANDLERS_PATH
from tsunagu.local.state_folder import StateFolder

__all__ = ["DEFAULT_STATE_DIRECTORY", "EmbeddedCloud", "synthesize"]

DEFAULT_STATE_DIRECTORY = Path(".tsunagu/cloud")
ACCOUNT = "000000000000"
REGION = "us-east-1"
# An access key of twelve digits is that account's root user.
KEYS = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"}
TOOLKIT_STACK = "CDKToolkit"

StackOutputs = dict[str, dict[str, str]]


def to_standard_error(sentence: str) -> None:
    """Tell of progress where it does not mix with what a command prints."""
    sys.stderr.write(f"{sentence}\n")


class EmbeddedCloud:
    """One embedded cloud, which listens on a port of 127.0.0.1 of its own.

    As a context manager it stops at the end of the block. It also ends when the process that started it ends, however
    that comes about, unless `detach` was called.

    Attributes:
        endpoint_url: Address of every AWS service.
        log_path: Log of the emulator. The logs of functions are in CloudWatch Logs.
    """

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator
        self._clients: dict[str, Any] = {}
        self.endpoint_url = emulator.record.endpoint_url
        self.log_path = emulator.folder.emulator_log

    @classmethod
    def start(
        cls,
        state_directory: Path = DEFAULT_STATE_DIRECTORY,
        *,
        enforce_iam: bool = True,
        fresh: bool = True,
        progress: Progress = to_standard_error,
    ) -> Self:
        """Start an embedded cloud and wait until it serves.

        Args:
            state_directory: Folder of its state and logs. One cloud lives in a folder.
            enforce_iam: Whether each call is checked against the policies of its caller.
            fresh: Whether a cloud that lives in the folder is stopped first, and its logs removed. Otherwise it is
                returned as it is.
            progress: Told a sentence before something that takes long. Default: standard error.

        Raises:
            EmbeddedCloudError: It did not start; the message names the log.
        """
        folder = StateFolder(state_directory.absolute())
        living = EmulatorProcess.attach(folder)
        if living is not None and not fresh:
            return cls(living)
        if living is not None:
            living.stop()
        folder.prepare(fresh=fresh)
        python = environment_python("emulator", log_path=folder.environments_log, progress=progress)
        functions_python = environment_python("functions", log_path=folder.environments_log, progress=progress)
        emulator = EmulatorProcess.start(
            folder, python=python, functions_python=functions_python, enforce_iam=enforce_iam
        )
        return cls(emulator)

    @classmethod
    def attach(cls, state_directory: Path = DEFAULT_STATE_DIRECTORY) -> Self:
        """Return the embedded cloud that lives in a folder, started and detached by another process.

        Raises:
            EmbeddedCloudError: None lives there; what a cloud that ended left behind does not count.
        """
        cloud = cls.find(state_directory)
        if cloud is None:
            msg = f"an embedded cloud must run in {state_directory}, got none"
            raise EmbeddedCloudError(msg)
        return cloud

    @classmethod
    def find(cls, state_directory: Path = DEFAULT_STATE_DIRECTORY) -> Self | None:
        """Return the embedded cloud that lives in a folder, None when there is none."""
        emulator = EmulatorProcess.attach(StateFolder(state_directory.absolute()))
        return None if emulator is None else cls(emulator)

    def detach(self) -> None:
        """Let the cloud live on when this process ends, until `stop` on what `attach` returns."""
        self._emulator.detach()

    def stop(self) -> None:
        """End the cloud with all processes of handlers. Its logs stay. A second call does nothing."""
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
        """Return the variables with which an AWS SDK, the AWS CLI and the CDK CLI reach this cloud, as its root."""
        return {
            **KEYS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "CDK_HOME": str(self._emulator.folder.cdk_home),
        }

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, with the permissions of the root user; one for each service."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                cast("Any", service),
                endpoint_url=self.endpoint_url,
                region_name=REGION,
                aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            )
        return self._clients[service]

    def deploy(self, assembly: Path) -> StackOutputs:
        """Deploy every stack of a cloud assembly with the CDK CLI; bootstrap the account before the first.

        Args:
            assembly: Folder that `synthesize` or `cdk synth` wrote.

        Returns:
            Outputs by the stack's name.

        Raises:
            EmbeddedCloudError: The CDK CLI is missing or failed; the message names its log.
        """
        folder = self._emulator.folder
        app = ("--app", str(assembly.absolute()))  # for bootstrap too, or it would synthesize the app of cdk.json
        if not self._is_bootstrapped():
            self.run_cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", *app)
        options = ("--all", "--require-approval", "never", "--outputs-file", str(folder.outputs))
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

    def _is_bootstrapped(self) -> bool:
        try:
            self.client("cloudformation").describe_stacks(StackName=TOOLKIT_STACK)
        except ClientError:
            return False
        return True

    def handler_processes(self, function_name: str, *, busy: bool = False) -> list[int]:
        """Return the ids of the live handler processes of a function.

        Args:
            function_name: Name of the function, not its ARN.
            busy: Whether only those in the middle of an invocation count.
        """
        handlers = self._emulator.ask(f"{HANDLERS_PATH}{function_name}")
        return [handler["pid"] for handler in handlers if handler["busy"] or not busy]
