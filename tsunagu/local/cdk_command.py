"""Runs the CDK CLI and the app as child processes: synthesize, bootstrap, deploy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.account import ACCOUNT, REGION
from tsunagu.local.cdk_project import CdkProject

QUIET_JSII = {
    f"JSII_SILENCE_WARNING_{reason}_NODE_VERSION": ",".join(map(str, range(20, 40)))  # the major versions that it names
    for reason in ("DEPRECATED", "END_OF_LIFE", "UNTESTED")
}
# The CDK CLI adds this context. Without it, `cdk diff` would show differences in metadata.
_CLI_CONTEXT = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
SYNTHESIS_LOG = "synthesis.log"
# What the CDK CLI would look up for a VPC. It looks up nothing else that the embedded cloud has from the start.
_ZONES = {f"availability-zones:account={ACCOUNT}:region={REGION}": [f"{REGION}{letter}" for letter in "abc"]}
STAGE = "stage"  # name of the stage in the context
_SHELL = ("/bin/sh", "-c")  # cdk.json has a line for a shell


def synthesize(stage: str = "embedded", output: Path = Path("cdk.out")) -> Path:
    """Run the app of the current folder in a child process, so that this process does not import `aws_cdk`.

    The app is what cdk.json names, as the CDK CLI runs it. It gets the context of cdk.json and the stage, and the
    account and region of the embedded cloud as `CDK_DEFAULT_ACCOUNT` and `CDK_DEFAULT_REGION`. `python3` is the Python
    of this process, unless the command names another one.

    Args:
        stage: Value of `stage` in the context.
        output: Folder of the cloud assembly. What an earlier run left in it is removed.

    Returns:
        The folder of the assembly; another one than `output` when cdk.json names an assembly in place of an app.

    Raises:
        EmbeddedCloudError: The current folder has no app, or the app failed. The log beside `output` has the details.
    """
    project = CdkProject.read(Path.cwd())
    output = output.absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    log_path = output.with_name(SYNTHESIS_LOG)
    log_path.unlink(missing_ok=True)
    context = {**_ZONES, **project.context, **_CLI_CONTEXT, STAGE: stage}
    environment = (
        os.environ
        | QUIET_JSII
        | {
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            "CDK_OUTDIR": str(output),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }
    )
    if project.build is not None:
        run_logged([*_SHELL, project.build], "the build of the app must succeed", environment, log_path)
    if project.assembly is not None:
        return project.assembly
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    run_logged([*_SHELL, project.app], "the app must synthesize", environment, log_path)
    return output


def cdk_command() -> str:
    """Return the CDK CLI of the project in the current folder, or else the one on the path.

    Raises:
        EmbeddedCloudError: Neither exists.
    """
    local = Path.cwd() / "node_modules" / ".bin" / "cdk"
    if local.is_file():
        return str(local)
    if on_path := shutil.which("cdk"):
        return on_path
    msg = "deploying needs the CDK CLI, got none in node_modules or on the path: npm install aws-cdk"
    raise EmbeddedCloudError(msg)


def run_logged(command: Sequence[str], expectation: str, environment: Mapping[str, str], log_path: Path) -> None:
    """Run `command` to its end, and append its output to `log_path`.

    Args:
        command: Program and arguments.
        expectation: Begin of the error message: "the app must synthesize".
        environment: All variables that the command sees.
        log_path: Log of its output.

    Raises:
        EmbeddedCloudError: The command ended with another code than 0.
    """
    with log_path.open("ab") as log:
        log.write(f"$ {' '.join(command)}\n".encode())
        log.flush()
        outcome = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment), check=False
        )
    if outcome.returncode:
        msg = f"{expectation}, got exit code {outcome.returncode}: see {log_path}"
        raise EmbeddedCloudError(msg, str(log_path))
