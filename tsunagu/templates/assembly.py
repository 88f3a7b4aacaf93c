"""Reads the templates of a cloud assembly, those of nested stacks included."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tsunagu.templates.intrinsics import text_of
from tsunagu.templates.references import Document, nested_stacks

_STACK = "aws:cloudformation:stack"
_TEMPLATE_SUFFIX, _ASSETS_SUFFIX = ".template.json", ".assets.json"
_ASSET_PATH = "aws:asset:path"
_ASSEMBLY, _LOGICAL_ID = "cdk:cloud-assembly", "aws:cdk:logicalId"
_MANIFEST = "manifest.json"


def read_documents(template_paths: Iterable[str]) -> list[Document]:
    """Read templates, and those of their nested stacks."""
    return [document for path in template_paths for document in _with_nested(Path(path), _stack_name(Path(path)))]


def stack_templates(folder: Path) -> list[Path]:
    """Return the templates of a cloud assembly's stacks, those of its stages included, in the order of its manifest."""
    found: list[Path] = []
    for artifact in _artifacts(folder).values():
        properties = artifact.get("properties", {})
        if artifact.get("type") == _STACK:
            found.append(folder / properties["templateFile"])
        elif artifact.get("type") == _ASSEMBLY:
            found += stack_templates(folder / properties["directoryName"])
    return found


def _with_nested(path: Path, stack_name: str | None) -> Iterator[Document]:
    body = _read(path)
    found = {logical_id: _nested_path(path, resource) for logical_id, resource in nested_stacks(body)}
    nested = {logical_id: nested_path for logical_id, nested_path in found.items() if nested_path is not None}
    yield Document(
        path=str(path),
        body=body,
        stack_name=stack_name,
        nested={logical_id: str(nested_path) for logical_id, nested_path in nested.items()},
        construct_paths=_construct_paths(path),
    )
    for nested_path in nested.values():
        yield from _with_nested(nested_path, None)


def _nested_path(parent: Path, resource: Mapping[str, Any]) -> Path | None:
    """Return the template of a nested stack: the asset of its URL; None when it is not of this assembly."""
    metadata = resource.get("Metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get(_ASSET_PATH), str):
        return _existing(parent.with_name(metadata[_ASSET_PATH]))
    properties = resource.get("Properties")
    url = properties.get("TemplateURL") if isinstance(properties, dict) else None
    asset = text_of(url).rpartition("/")[2].removesuffix(".json")
    for manifest in sorted(parent.parent.glob(f"*{_ASSETS_SUFFIX}")):
        source = _read(manifest).get("files", {}).get(asset, {}).get("source", {})
        if isinstance(source.get("path"), str):
            return _existing(parent.with_name(source["path"]))
    return None


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _stack_name(path: Path) -> str | None:
    """Return the name of a template's stack, from the manifest beside it."""
    artifact_id, artifact = _artifact(path)
    if artifact:
        return str(artifact["properties"].get("stackName", artifact_id))
    return path.name.removesuffix(_TEMPLATE_SUFFIX)


def _construct_paths(path: Path) -> dict[str, str]:
    """Return the paths of constructs by logical id, from the manifest beside a template; none for a nested stack."""
    _, artifact = _artifact(path)
    metadata = dict(artifact.get("metadata", {}))
    if beside := artifact.get("properties", {}).get("additionalMetadataFile", artifact.get("additionalMetadataFile")):
        metadata.update(_read(path.with_name(beside)))
    # The constructs of nested stacks are there too. One with the same logical id is deeper than that of this template.
    deepest_first = sorted(metadata.items(), key=lambda named: named[0].count("/"), reverse=True)
    return {
        str(entry["data"]): construct.strip("/")
        for construct, entries in deepest_first
        for entry in entries
        if entry.get("type") == _LOGICAL_ID
    }


def _artifact(path: Path) -> tuple[str, dict[str, Any]]:
    """Return id and content of the artifact of a stack's template; nothing without a manifest beside it."""
    for artifact_id, artifact in _artifacts(path.parent).items():
        if artifact.get("type") == _STACK and artifact.get("properties", {}).get("templateFile") == path.name:
            return artifact_id, artifact
    return "", {}


def _artifacts(folder: Path) -> dict[str, Any]:
    manifest = folder / _MANIFEST
    artifacts: dict[str, Any] = _read(manifest).get("artifacts", {}) if manifest.is_file() else {}
    return artifacts


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
