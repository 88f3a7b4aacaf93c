"""Writes of a business function, collected until they are committed together with the completion of its message."""

from collections.abc import Mapping
from typing import Any

from tsunagu.runtime.idempotency.store import BusinessWrite, Operation
from tsunagu.runtime.sending.seal import Seal


class Writes:
    """Collects writes. Nothing is written until they are committed.

    At most 99 writes, of at most 4 MB together, each to another item
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).

    Items, keys and values are copied when they are handed over. What the function changes in them later is not written.

    Args:
        seal: Refuses writes that come too late, by a `RuntimeError`. Default: a seal of its own.
        collected: Where the writes are collected. Default: a list of its own.

    Raises:
        TypeError: By each method: the item or key is no mapping, or something that must be text is none.
    """

    __slots__ = ("_collected", "_seal")

    def __init__(self, seal: Seal | None = None, collected: list[BusinessWrite] | None = None) -> None:
        self._seal = Seal() if seal is None else seal
        self._collected: list[BusinessWrite] = [] if collected is None else collected

    def put(
        self,
        table_name: str,
        item: Mapping[str, object],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Put `item`. Its values are plain Python values; numbers are `int` or `Decimal`."""
        self._add("Put", table_name, item, condition=condition, names=names, values=values)

    def update(
        self,
        table_name: str,
        key: Mapping[str, object],
        expression: str,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Update the item of `key` by an update expression."""
        self._add("Update", table_name, key, update=expression, condition=condition, names=names, values=values)

    def delete(
        self,
        table_name: str,
        key: Mapping[str, object],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Delete the item of `key`."""
        self._add("Delete", table_name, key, condition=condition, names=names, values=values)

    def check(
        self,
        table_name: str,
        key: Mapping[str, object],
        condition: str,
        *,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Write nothing, but commit only if `condition` holds for the item of `key`."""
        self._add("ConditionCheck", table_name, key, condition=condition, names=names, values=values)

    def extend(self, writes: "Writes") -> None:
        """Add the writes that another object has collected."""
        self._seal.check("writes")
        self._collected += writes.collected()

    def collected(self) -> tuple[BusinessWrite, ...]:
        """Return the writes, in the order of the calls."""
        return tuple(self._collected)

    def _add(
        self,
        operation: Operation,
        table_name: str,
        target: Mapping[str, object],
        *,
        update: str | None = None,
        condition: str | None,
        names: Mapping[str, str] | None,
        values: Mapping[str, object] | None,
    ) -> None:
        self._seal.check("writes")
        _check_texts(table_name=table_name, update=update or "", condition=condition or "")
        self._collected.append(
            BusinessWrite(
                operation=operation,
                table_name=table_name,
                target=_attributes("the item or key", target),
                update=update,
                condition=condition,
                names=_attributes("names", names or {}),
                values=_attributes("values", values or {}),
            )
        )


def _check_texts(**texts: object) -> None:
    for name, text in texts.items():
        if not isinstance(text, str):
            msg = f"{name} of a write must be text, got {type(text).__name__}"
            raise TypeError(msg)


def _attributes(name: str, values: object) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        msg = f"{name} of a write must be a mapping, got {type(values).__name__}"
        raise TypeError(msg)
    copied: dict[str, Any] = _copy(values)
    return copied


def _copy(value: object) -> Any:
    """Return a copy of a value, of which a later change of a list, a set or a mapping does not become part.

    Raises:
        TypeError: The name of an attribute is not text. JSON would make it text: another attribute would be written.
        RecursionError: A list or mapping holds itself.
    """
    if isinstance(value, Mapping):
        others = [name for name in value if not isinstance(name, str)]
        if others:
            msg = f"the attribute names of a write must be text, got {others[0]!r}"
            raise TypeError(msg)
        return {name: _copy(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(inner) for inner in value]
    if isinstance(value, set):
        return frozenset(value)
    return bytes(value) if isinstance(value, bytearray) else value
