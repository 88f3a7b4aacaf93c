import os
import subprocess
from pathlib import Path

from tests.packaging.conftest import PROJECT


def test_commands_run_the_app_in_the_projects_own_environment_whichever_is_active(tmp_path: Path) -> None:
    cdk = tmp_path / "cdk"
    cdk.write_text('#!/bin/sh\necho "$VIRTUAL_ENV"\n')
    cdk.chmod(0o700)
    active = {**os.environ, "VIRTUAL_ENV": str(tmp_path / "elsewhere")}
    outer = {name: value for name, value in active.items() if not name.startswith("MAKE")}

    done = subprocess.run(
        ["make", "--silent", "--old-file=setup", "synth", f"CDK={cdk}"],
        cwd=PROJECT,
        env=outer,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == [str(PROJECT / ".venv")]
