"""Finds functions that are made for another Python or processor than those of this machine, which runs them here."""

import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tsunagu.local.assembly_files import templates

FUNCTION = "AWS::Lambda::Function"
_PYTHON = "python"
_DEFAULT_ARCHITECTURES = ["x86_64"]
_ARCHITECTURES = {"amd64": "x86_64", "aarch64": "arm64"}  # as Lambda calls the machines that Python names


class FunctionPlatform(NamedTuple):
    """Python and processor that a function is made for.

    Attributes:
        python: Version, such as `3.13`; empty for a container image, which names none.
        architecture: Processor, as Lambda calls it.
    """

    python: str
    architecture: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"Python {self.python} on {self.architecture}" if self.python else self.architecture

    def runs_on(self, machine: "FunctionPlatform") -> bool:
        """Return whether code with compiled packages for this platform runs on the machine."""
        return self.architecture == machine.architecture and self.python in {"", machine.python}


def machine_platform() -> FunctionPlatform:
    """Return the platform of this machine, which the embedded cloud runs functions with."""
    machine = platform.machine().lower()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return FunctionPlatform(python, _ARCHITECTURES.get(machine, machine))


def foreign_functions(assembly: Path, machine: FunctionPlatform) -> dict[FunctionPlatform, list[str]]:
    """Return the functions of an assembly that are made for another platform, by platform.

    Args:
        assembly: Folder of the cloud assembly.
        machine: Platform of the machine.

    Returns:
        Names such as `Stack/LogicalId`. Functions of other languages are left out.
    """
    found: dict[FunctionPlatform, list[str]] = {}
    for stack, template in templates(assembly):
        for logical_id, function in _functions(template):
            made_for = _platform_of(function)
            if made_for is not None and not made_for.runs_on(machine):
                found.setdefault(made_for, []).append(f"{stack}/{logical_id}")
    return found


def _functions(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for logical_id, resource in template.get("Resources", {}).items():
        if isinstance(resource, dict) and resource.get("Type") == FUNCTION:
            yield logical_id, resource.get("Properties", {})


def _platform_of(function: Mapping[str, Any]) -> FunctionPlatform | None:
    """Return what a function is made for; None when it is of another language, or only the deployment knows it."""
    runtime, architectures = function.get("Runtime", ""), function.get("Architectures", _DEFAULT_ARCHITECTURES)
    is_python = isinstance(runtime, str) and (not runtime or runtime.startswith(_PYTHON))
    if not is_python or not isinstance(architectures, list) or not isinstance(architectures[0], str):
        return None
    return FunctionPlatform(runtime.removeprefix(_PYTHON), architectures[0])
