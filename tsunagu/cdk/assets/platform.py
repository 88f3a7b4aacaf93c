"""The platform of a function: its Python and its architecture."""

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

from tsunagu.cdk.props import CheckedProps, OneOf
from tsunagu.errors import InvalidPropsError

Architecture = Literal["arm64", "x86_64"]

# What both this library and Lambda support: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ARCHITECTURES: tuple[str, ...] = get_args(Architecture)

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# How Python names the processors, in lower case.
_ARCHITECTURES: Mapping[str, Architecture] = {
    "aarch64": "arm64",
    "amd64": "x86_64",
    "arm64": "arm64",
    "x86_64": "x86_64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform(CheckedProps):
    """The platform of a function.

    Attributes:
        python: Python of the Lambda runtime, 3.11 to 3.14. Default: 3.13.
        architecture: Instruction set. Default: arm64.
        byte_code: Whether the asset holds compiled byte code beside the source, which shortens a cold start. Needs the
            function's Python on the building machine: this one, or another that uv finds. Default: source only.

    Raises:
        InvalidPropsError: Lambda has no such Python or architecture.
    """

    python: Annotated[str, OneOf(PYTHONS)] = "3.13"
    architecture: Architecture = "arm64"
    byte_code: bool = False

    @classmethod
    def of_this_machine(cls) -> Self:
        """Return the platform of this process: Python and processor, with which the embedded cloud runs functions.

        Raises:
            InvalidPropsError: Lambda has no such Python or processor.
        """
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        OneOf(PYTHONS).check("the Python of this machine", python)
        machine = platform.machine().lower()
        if machine not in _ARCHITECTURES:
            msg = f"the processor of this machine must be one of {', '.join(_ARCHITECTURES)}, got {machine!r}"
            raise InvalidPropsError(msg)
        return cls(python=python, architecture=_ARCHITECTURES[machine])

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version of Python."""
        major, minor = self.python.split(".")
        return int(major), int(minor)

    @property
    def wheel_tag(self) -> str:
        """The platform whose wheels run here, as uv names it."""
        # Python 3.11 runs on Amazon Linux 2 (glibc 2.26), the later ones on Amazon Linux 2023 (glibc 2.34).
        system = "manylinux_2_17" if self.version < (3, 12) else "manylinux_2_28"
        return f"{_MACHINES[self.architecture]}-{system}"
