"""Reads the templates of a cloud assembly, those of nested stacks included."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tsunagu.cdk.checks.intrinsics import text_of
from tsunagu.cdk.checks.references import Document, nested_stacks

_STACK = "aws:cloudformation:stack"
_TEMPLATE_SUFFIX, _ASSETS_SUFFIX = ".template.json", ".assets.json"
_ASSET_PATH = "aws:asset:path"


def read_documents(template_paths: Iterable[str]) -> list[Document]:
    """Read templates, and those of their nested stacks."""
    return [document for path in template_paths for document in _with_nested(Path(path), _stack_name(Path(path)))]


def _with_nested(path: Path, stack_name: str | None) -> Iterator[Document]:
    body = _read(path)
    found = {logical_id: _nested_path(path, resource) for logical_id, resource in nested_stacks(body)}
    nested = {logical_id: nested_path for logical_id, nested_path in found.items() if nested_path is not None}
    yield Document(
        path=str(path),
        body=body,
        stack_name=stack_name,
        nested={logical_id: str(nested_path) for logical_id, nested_path in nested.items()},
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
    manifest = path.with_name("manifest.json")
    artifacts = _read(manifest).get("artifacts", {}) if manifest.is_file() else {}
    for artifact_id, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == _STACK and properties.get("templateFile") == path.name:
            return str(properties.get("stackName", artifact_id))
    return path.name.removesuffix(_TEMPLATE_SUFFIX)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
