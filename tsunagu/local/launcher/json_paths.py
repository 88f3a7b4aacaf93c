"""Reads parts of JSON documents by JSONPath, as API Gateway and EventBridge Pipes do.

A path that names one place returns the value there. A path that may find several (`..`, `*`, slices, filters) returns a
list.
"""

import functools
import re
from typing import Any

MISSING = object()  # returned where a document has no such place, because a place may hold null

_FINDS_SEVERAL = re.compile(r"\.\.|\*|\?|\[[^\]'\"]*[:,]")


def read(document: Any, path: str) -> Any:
    """Return what `path` finds in `document`; `MISSING` when a path of one place finds nothing.

    Args:
        document: Parsed JSON.
        path: JSONPath that starts with `$`, for example `$.Item.body.S`.

    Raises:
        Exception: The path is no JSONPath.
    """
    if path in ("", "$"):
        return document
    found = [match.value for match in _compiled(path).find(document)]
    if _FINDS_SEVERAL.search(path):
        return found
    return found[0] if found else MISSING


@functools.lru_cache(maxsize=512)
def _compiled(path: str) -> Any:
    import jsonpath_ng  # type: ignore[import-not-found]  # noqa: PLC0415 - few clouds need it

    return jsonpath_ng.parse(path)
