"""Settings of a new repository: its name, its Python, and the versions of the tools that it pins."""

import re
import sys
from collections.abc import Mapping
from typing import Literal, get_args

from tsunagu.errors import InvalidInputError

# As tsunagu.cdk has them, which is not imported here: the command works without aws_cdk.
PythonVersion = Literal["3.11", "3.12", "3.13", "3.14"]
PYTHONS: tuple[str, ...] = get_args(PythonVersion)
DEFAULT_PYTHON = "3.13"

# The name begins the names of the stacks, which may have 128 characters with stage and suffix.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 40

# What this version of the library was tested with.
VERSIONS: Mapping[str, str] = {
    "aws-cdk-lib": "2.275.0",
    "constructs": "10.8.1",
    "fastapi": "0.165.0",
    "mypy": "2.4.1",
    "pytest": "9.1.1",
    "ruff": "0.17.6",
}
CDK_CLI = "2.1148.1"
CDK_CLI_INTEGRITY = "sha512-K3d02L17IwmAuiBWNuX1DzYhKUs9GrKYI7bZnGJfJ1bKz9ymXFxfudBOL3rUb8JAusDNSULiQU2fsJH7kyY2XA=="


def default_python() -> str:
    """Return the Python of this process, if Lambda has it; else 3.13."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return own if own in PYTHONS else DEFAULT_PYTHON


def project_name(name: str | None, folder_name: str) -> str:
    """Return the name of the project: the one that is given, or one made of the name of its folder.

    Raises:
        InvalidInputError: The name is out of range, or the folder's name gives none.
    """
    found = re.sub(r"[^a-z0-9]+", "-", folder_name.lower()).strip("-") if name is None else name
    if NAME.fullmatch(found) and len(found) <= LONGEST_NAME:
        return found
    rule = f"must be 1 to {LONGEST_NAME} lower-case letters, digits and single hyphens, and begin with a letter"
    if name is None:
        msg = f"the name of the folder {rule}, got {folder_name!r}: give another one with --name"
    else:
        msg = f"--name {rule}, got {name!r}"
    raise InvalidInputError(msg)
