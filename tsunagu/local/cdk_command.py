"""Runs the CDK CLI and the app as child processes: synthesize, bootstrap, deploy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tsunagu.errors import EmbeddedCloudError

QUIET_JSII = {
    f"JSII_SILENCE_WARNING_{reason}_NODE_VERSION": ",".join(map(str, range(20, 40)))  # the major versions that it names
    for reason in ("DEPRECATED", "END_OF_LIFE", "UNTESTED")
}
# The CDK CLI adds this context. Without it, `cdk diff` would show differences in metadata.
_CLI_CONTEXT = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
SYNTHESIS_LOG = "synthesis.log"


def synthesize(stage: str = "embedded", output: Path = Path("cdk.out")) -> Path:
    """Run the app of the current folder in a child process, so that this process does not import `aws_cdk`.

    Args:
        stage: Stage of cdk.json that is synthesized.
        output: Folder of the cloud assembly. What an earlier run left in it is removed.

    Returns:
        The folder of the assembly.

    Raises:
        EmbeddedCloudError: The current folder has no app, or the app failed. The log beside `output` has the details.
    """
    project = Path.cwd()
    if not (project / "app.py").is_file():
        msg = f"the current folder must have an app.py to synthesize, got {project}"
        raise EmbeddedCloudError(msg)
    output = output.absolute()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    environment = os.environ | QUIET_JSII
    context = _context(project) | _CLI_CONTEXT | {"stage": stage}
    environment |= {"CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context)}
    log_path = output.with_name(SYNTHESIS_LOG)
    log_path.unlink(missing_ok=True)
    run_logged([sys.executable, "app.py"], "the app must synthesize", environment, log_path)
    return output


def _context(project: Path) -> dict[str, object]:
    configuration = project / "cdk.json"
    if not configuration.is_file():
        return {}
    context: dict[str, object] = json.loads(configuration.read_text()).get("context", {})
    return context


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
