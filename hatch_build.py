"""The long description of the distribution: the README, and what the changelog says about this version."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_UNRELEASED = "Unreleased"
# Files of the repository, which a package index does not have; the source distribution does.
_PICTURE = re.compile(r"^!\[[^\]]*\]\((?![a-z]+:)[^)\s]+\)\n+", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\((?![a-z]+:|#)[^)\s]+\)")


class LongDescription(MetadataHookInterface):
    """Sets `readme`, so that a package index shows the changes of the version beside how to use it."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the long description to the metadata.

        Raises:
            ValueError: The changelog has no section of this version, and none of what is not released.
        """
        root = Path(self.root)
        readme, changelog = ((root / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md"))
        text = long_description(readme, changelog, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def long_description(readme: str, changelog: str, version: str) -> str:
    """Return the README, followed by the changelog's section of a version.

    Links to files of the repository become their names, and its pictures are left out.

    Args:
        readme: The README.
        changelog: The changelog.
        version: The version. Before it is released, its section is "Unreleased".

    Raises:
        ValueError: The changelog has neither section.
    """
    sections = {part.partition("]")[0].lstrip("["): part for part in re.split(r"^## ", changelog, flags=re.MULTILINE)}
    section = sections.get(version) or sections.get(_UNRELEASED)
    if section is None:
        msg = f"CHANGELOG.md must have a section [{version}] or [{_UNRELEASED}], got {', '.join([*sections][1:])}"
        raise ValueError(msg)
    body = section.partition("\n")[2].strip()
    text = f"{readme.rstrip()}\n\n## Changes in {version}\n\n{body}\n"
    return _LINK.sub(r"`\1`", _PICTURE.sub("", text))
