"""Runs the `tsunagu` command in a child process, against an embedded cloud."""

import os
import subprocess
import sys
from pathlib import Path

from tsunagu.local.embedded_cloud import EmbeddedCloud

TSUNAGU = str(Path(sys.executable).with_name("tsunagu"))


def tsunagu(cloud: EmbeddedCloud, *arguments: str, standard_input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TSUNAGU, *arguments],
        env=os.environ | cloud.environment(),
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
