"""The normal form of a template: without what changes with every line of a handler."""

import re
from collections.abc import Mapping
from typing import Any

PATH_KEY = "aws:cdk:path"

_ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")
# Of an identifier that has a hash of what it stands for: versions of functions, deployments of APIs.
_CONTENT_HASH = re.compile(r"(?<=[0-9A-Za-z])[0-9a-f]{32}\b")
_ASSET_KEYS = ("aws:asset:", "aws:cdk:asset:")
# Written by the CDK itself, and another one with each of its versions.
_OF_THE_CDK = {"Parameters": "BootstrapVersion", "Rules": "CheckBootstrapVersion", "Resources": "CDKMetadata"}
_METADATA_CONDITION = "CDKMetadataAvailable"


def normal(template: Mapping[str, Any], paths: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a template in its normal form.

    * Hashes of assets, and of what is named by its content, are masked.
    * The path of each construct is in the metadata of its resource, also where the CDK leaves it out.
    * What the CDK adds of its own is left out: its metadata, and the check of the bootstrap version.

    Args:
        template: The template, which is not changed.
        paths: Paths of constructs by logical id. Default: those that the metadata has.
    """
    masked: dict[str, Any] = _masked(template)
    for section, name in _OF_THE_CDK.items():
        if name in masked.get(section, {}):
            del masked[section][name]
            if not masked[section]:
                del masked[section]
    conditions = masked.get("Conditions", {})
    conditions.pop(_METADATA_CONDITION, None)
    if not conditions:
        masked.pop("Conditions", None)
    for logical_id, path in (paths or {}).items():
        resource = masked.get("Resources", {}).get(_hidden(logical_id))
        if resource is not None:
            resource.setdefault("Metadata", {}).setdefault(PATH_KEY, path)
    return masked


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_hidden(name): _masked(each) for name, each in value.items() if not name.startswith(_ASSET_KEYS)}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return _hidden(value) if isinstance(value, str) else value


def _hidden(text: str) -> str:
    return _CONTENT_HASH.sub("<hash>", _ASSET_HASH.sub("<asset>", text))
