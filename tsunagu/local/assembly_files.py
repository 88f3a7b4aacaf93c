"""Reads a cloud assembly on disk: its templates, and the accounts and regions that its stacks are for."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.account import ACCOUNT, REGION, UNKNOWN_ACCOUNT, UNKNOWN_REGION

_STACK = "aws:cloudformation:stack"
_ANYWHERE = f"aws://{UNKNOWN_ACCOUNT}/{UNKNOWN_REGION}"


class StackEntry(NamedTuple):
    """A stack of an assembly.

    Attributes:
        name: Its name in the manifest.
        account: Account that it is for.
        region: Region that it is for.
    """

    name: str
    account: str
    region: str


def templates(assembly: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Iterate over the templates of an assembly, of its stages and of its nested stacks: name and content."""
    for path in sorted(assembly.rglob("*.template.json")):
        yield path.name.removesuffix(".template.json"), json.loads(path.read_text(encoding="utf-8"))


def regions(assembly: Path, account: str = ACCOUNT) -> list[str]:
    """Return the regions that the stacks of an assembly are for, that of the embedded cloud first.

    Args:
        assembly: Folder of the assembly.
        account: Account that it is deployed to. Default: that of the embedded cloud.

    Raises:
        EmbeddedCloudError: A stack is for another account than that of the embedded cloud.
    """
    found = {REGION}
    for stack in _stacks(assembly):
        if stack.account not in {account, UNKNOWN_ACCOUNT}:
            msg = (
                f"stack {stack.name} must be for account {account} on the embedded cloud, got {stack.account}: "
                "name no account, or take CDK_DEFAULT_ACCOUNT"
            )
            raise EmbeddedCloudError(msg)
        if stack.region != UNKNOWN_REGION:
            found.add(stack.region)
    return sorted(found, key=lambda region: (region != REGION, region))


def _stacks(assembly: Path) -> Iterator[StackEntry]:
    for manifest in sorted(assembly.rglob("manifest.json")):
        for name, artifact in json.loads(manifest.read_text(encoding="utf-8")).get("artifacts", {}).items():
            if artifact.get("type") == _STACK:
                environment = artifact.get("environment", _ANYWHERE)
                account, _, region = environment.removeprefix("aws://").partition("/")
                yield StackEntry(name, account, region)
