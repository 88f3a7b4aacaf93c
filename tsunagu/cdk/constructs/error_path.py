"""Errors that name the path of the construct they are about, such as `Payments/FifoReceiver/Handler`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tsunagu.errors import AssetError, InvalidPropsError

if TYPE_CHECKING:
    from constructs import IConstruct


def props_error(construct: "IConstruct", message: str) -> InvalidPropsError:
    """Return an error that begins with the path of `construct`.

    Args:
        construct: The construct whose prop or argument is wrong.
        message: The prop, the rule and what was got.
    """
    return InvalidPropsError(_with_path(construct, message))


@contextmanager
def path_in_errors(construct: "IConstruct") -> Iterator[None]:
    """Put the path of `construct` before the errors of code that does not know it, such as the checks of props.

    Do not use it around code that makes other constructs: their errors begin with a path already.

    Raises:
        InvalidPropsError: The code raised it; the message now begins with the path.
        AssetError: The code raised it; the message now begins with the path.
    """
    try:
        yield
    except (AssetError, InvalidPropsError) as error:
        raise type(error)(_with_path(construct, str(error))) from error


def _with_path(construct: "IConstruct", message: str) -> str:
    return f"{construct.node.path}: {message}"
