"""What an existing table must have to hold items: its keys, its TTL, its indexes and its stream.

Synthesis sees them where the app creates the table, as `Table` or `TableV2`. An imported table is not seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb

from tsunagu.cdk.props import is_known
from tsunagu.contracts import items, requests
from tsunagu.errors import InvalidPropsError

ITEM_KEYS = {items.ID: "S"}
_INDEXES: Mapping[str, Mapping[str, str]] = {
    items.REQUEST_INDEX: {items.REQUEST_ID: "S"},
    requests.OPEN_INDEX: {requests.OPEN: "S", requests.DUE: "N"},
}
_WITH_NEW_IMAGES = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
_WORDS = {"S": "a string", "N": "a number", "B": "binary"}


def check_existing(table: dynamodb.ITable, *, request_index: bool, open_index: bool, requests_held: bool) -> None:
    """Refuse a table of the app that cannot hold the items. Indexes must be added before it is given.

    Args:
        table: The table.
        request_index: Whether it must have the index by request id.
        open_index: Whether it must have the index of open requests and open runs.
        requests_held: Whether it must have a stream with new images.

    Raises:
        InvalidPropsError: It has other keys or another TTL attribute, or lacks an index or a stream with images.
    """
    resource = table.node.default_child
    if not isinstance(resource, dynamodb.CfnTable | dynamodb.CfnGlobalTable):
        return
    seen = _Seen(table.node.path, resource)
    seen.check_keys("", seen.read("key_schema"), ITEM_KEYS)
    seen.check_ttl()
    if request_index:
        seen.check_index(items.REQUEST_INDEX)
    if open_index:
        seen.check_index(requests.OPEN_INDEX)
    if requests_held:
        seen.check_stream()


class _Seen:
    """What synthesis sees of a table."""

    def __init__(self, path: str, resource: dynamodb.CfnTable | dynamodb.CfnGlobalTable) -> None:
        self._path = path
        self._resource = resource
        attributes = self.read("attribute_definitions") or []
        self._types = {each["attributeName"]: each["attributeType"] for each in attributes}

    def read(self, name: str) -> Any:
        """Return a property with the values of its tokens."""
        return Stack.of(self._resource).resolve(getattr(self._resource, name))

    def check_keys(self, where: str, schema: Sequence[Mapping[str, str]], expected: Mapping[str, str]) -> None:
        """Check the names, the order and the types of keys: of the table, or of an index."""
        ordered = sorted(schema, key=lambda each: each["keyType"] != "HASH")
        got = {each["attributeName"]: self._types.get(each["attributeName"], "") for each in ordered}
        if list(got.items()) != list(expected.items()) and all(map(is_known, (*got, *got.values()))):
            self._refuse(f"the keys {_listed(expected)}{where}", _listed(got))

    def check_ttl(self) -> None:
        """Check that items expire."""
        ttl = self.read("time_to_live_specification") or {}
        name = ttl.get("attributeName") if ttl.get("enabled", True) is not False else None
        if name != items.EXPIRATION and (name is None or is_known(name)):
            self._refuse(f"the TTL attribute {items.EXPIRATION}", name or "none")

    def check_index(self, name: str) -> None:
        """Check that the table has one of the indexes."""
        indexes = {each["indexName"]: each for each in self.read("global_secondary_indexes") or []}
        if name not in indexes:
            self._refuse(f"the index {name} with the keys {_listed(_INDEXES[name])}", ", ".join(indexes) or "none")
        self.check_keys(f" in the index {name}", indexes[name]["keySchema"], _INDEXES[name])

    def check_stream(self) -> None:
        """Check that the stream has the new image of an item. That of a global table is not seen."""
        if not isinstance(self._resource, dynamodb.CfnTable):
            return
        view = (self.read("stream_specification") or {}).get("streamViewType", "none")
        if view not in _WITH_NEW_IMAGES and is_known(view):
            self._refuse("a stream with new images", view)

    def _refuse(self, expected: str, got: str) -> NoReturn:
        msg = f"existing must have {expected}, got {got} of {self._path}"
        raise InvalidPropsError(msg)


def _listed(keys: Mapping[str, str]) -> str:
    return " and ".join(f"{name} ({_WORDS.get(kind, 'unknown')})" for name, kind in keys.items())
