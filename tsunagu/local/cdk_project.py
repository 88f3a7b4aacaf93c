"""Reads what the CDK CLI would run in a folder: `app`, `build` and the context of its cdk.json."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tsunagu.errors import EmbeddedCloudError

CONFIGURATION, LOOKUPS = "cdk.json", "cdk.context.json"
APP = "app.py"
APP_COMMAND = f"{shlex.quote(sys.executable)} {APP}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CdkProject:
    """A folder with an app of the CDK.

    Attributes:
        folder: The folder.
        app: Command that synthesizes the app, or the folder of a cloud assembly.
        build: Command that runs before. Default: none.
        context: Context of cdk.json, and what earlier look-ups found.
    """

    folder: Path
    app: str
    build: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the project of a folder. Without `app` in its cdk.json, `app.py` is the app.

        Raises:
            EmbeddedCloudError: There is no app, or cdk.json is not as the CDK CLI takes it.
        """
        configuration = _read_object(folder / CONFIGURATION)
        app = _text(configuration, "app", folder)
        if app is None and not (folder / APP).is_file():
            msg = f"the current folder must have a {CONFIGURATION} with app, or an {APP}, got neither in {folder}"
            raise EmbeddedCloudError(msg)
        context = configuration.get("context", {})
        if not isinstance(context, dict):
            msg = f"context of {folder / CONFIGURATION} must be an object, got {context!r}"
            raise EmbeddedCloudError(msg)
        return cls(
            folder=folder,
            app=app or APP_COMMAND,
            build=_text(configuration, "build", folder),
            context=_read_object(folder / LOOKUPS) | context,
        )

    @property
    def assembly(self) -> Path | None:
        """Folder of the cloud assembly, when `app` names one in place of a command."""
        folder = self.folder / self.app
        return folder if folder.is_dir() else None


def _read_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{path} must be JSON, got {error}"
        raise EmbeddedCloudError(msg) from error
    if not isinstance(found, dict):
        msg = f"{path} must hold an object, got {type(found).__name__}"
        raise EmbeddedCloudError(msg)
    return found


def _text(configuration: Mapping[str, Any], name: str, folder: Path) -> str | None:
    value = configuration.get(name)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        msg = f"{name} of {folder / CONFIGURATION} must be a command, got {value!r}"
        raise EmbeddedCloudError(msg)
    return value
