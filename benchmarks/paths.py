"""Where the benchmarks run, and with which Python."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WORK_FOLDER = PROJECT / ".tsunagu"
# Holds what benchmarks/requirements.txt pins; `make` builds it.
PYTHON = WORK_FOLDER / "benchmarks" / "bin" / "python"


def child_environment(**variables: str) -> dict[str, str]:
    """Return the environment of a measured process: none of the caller's AWS variables, dummy keys, and `variables`."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **variables,
    }
