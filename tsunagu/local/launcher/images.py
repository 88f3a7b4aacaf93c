"""Runs functions of container images from the task root that their Dockerfile would make; there is no Docker.

The deployment has written the task root, named by the tag of the image, into the folder of images.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import functools
import json
import sys
from pathlib import Path
from typing import Any

from .ministack_modules import iam_actions, lambda_svc
from .settings import LauncherSettings

Function = dict[str, Any]

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
NO_LAYOUT = "the image must be one of a cloud assembly that was deployed here, got another one"


def install(settings: LauncherSettings) -> None:
    """Run images like zips, and check calls of ECR against the repository."""
    dispatch = lambda_svc._execute_function_dispatch

    @functools.wraps(dispatch)
    def dispatch_image(function: Function, config: dict[str, Any], *rest: Any) -> Any:
        if config.get("PackageType") != "Image":
            return dispatch(function, config, *rest)
        as_zip = _as_zip(function, config, settings.images)
        if as_zip is None:
            return {"body": {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": NO_LAYOUT}, "error": True}
        return dispatch(as_zip, as_zip["config"], *rest)

    lambda_svc._execute_function_dispatch = dispatch_image
    _name_repositories()


def _as_zip(function: Function, config: dict[str, Any], images: Path) -> Function | None:
    """Return the function as one with a zip; None if nothing is known of its image."""
    tag = str(config.get("ImageUri", "")).rpartition(":")[2]
    layout = images / f"{tag}.json"
    if not tag.isalnum() or not layout.is_file():
        return None
    described = json.loads(layout.read_text())
    settings = (config.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    own = (config.get("Environment") or {}).get("Variables") or {}
    changed = {
        "CodeSha256": tag,
        "Environment": {"Variables": {**described["environment"], **own}},
        "Handler": (settings.get("Command") or described["command"])[0],
        "PackageType": "Zip",
        "Runtime": RUNTIME,
    }
    return {**function, "config": {**config, **changed}, "code_zip": _archive(images / f"{tag}.zip")}


@functools.lru_cache(maxsize=16)
def _archive(path: Path) -> bytes:
    return path.read_bytes()


def _name_repositories() -> None:
    """Give a call of ECR for one repository the ARN of that. ministack takes any resource."""
    resource_arn = iam_actions.extract_resource_arn

    @functools.wraps(resource_arn)
    def arn_of_repository(service: str, *request: Any) -> str:
        if service == "ecr":
            _method, _path, _headers, body, _query, region, account = request
            document = json.loads(body or b"{}")
            names = document.get("repositoryNames") or [document.get("repositoryName")]
            if len(names) == 1 and names[0]:
                return f"arn:aws:ecr:{region}:{account}:repository/{names[0]}"
        return str(resource_arn(service, *request))

    iam_actions.extract_resource_arn = arn_of_repository
