"""The base of our constructs: scope, id and props are checked before the CDK sees them.

Without it, a dictionary instead of props, or an app instead of a stack, is an error deep inside, in the words of
JavaScript or of an attribute that is missing.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from aws_cdk import Stage
from constructs import Construct

from tsunagu.cdk.props import is_known
from tsunagu.cdk.props.checked import check_value
from tsunagu.cdk.props.kinds import shown
from tsunagu.errors import InvalidPropsError

_LIBRARY = "tsunagu."
_TAKEN = "There is already a Construct with name"


class CheckedConstruct(Construct):
    """Base of a construct whose arguments are checked by the annotations of its constructor.

    Raises:
        InvalidPropsError: The scope is no construct in a stack, the id is no text or taken, or an argument is of
            another type.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Check the arguments of the constructor of a class of ours. That of a team's own class is not touched."""
        super().__init_subclass__(**options)
        if cls.__module__.startswith(_LIBRARY) and "__init__" in vars(cls):
            cls.__init__ = _checked(cls, vars(cls)["__init__"])  # type: ignore[method-assign]


def _checked(cls: type, initialize: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(initialize)

    @functools.wraps(initialize)
    def checked(self: object, *arguments: Any, **named: Any) -> None:
        try:
            given = signature.bind(self, *arguments, **named).arguments
        except TypeError as error:
            takes = ", ".join([*signature.parameters][1:])
            msg = f"{cls.__name__} must be given {takes}, got another call: {error}"
            raise InvalidPropsError(msg) from None
        _check(cls, {name: value for name, value in given.items() if name != "self"}, initialize)
        try:
            initialize(self, *arguments, **named)
        except RuntimeError as error:
            if _TAKEN not in str(error):
                raise
            msg = f"construct_id must be free in its scope, got another construct of that id: {error}"
            raise InvalidPropsError(msg) from None

    return checked


def _check(cls: type, given: dict[str, Any], initialize: Callable[..., None]) -> None:
    hints = _hints(initialize)
    try:
        for name in given.keys() & hints.keys():
            check_value(name, given[name], hints[name])
        _check_place(given["scope"], given["construct_id"])
    except InvalidPropsError as error:
        msg = f"{cls.__name__}: {error}"
        raise InvalidPropsError(msg) from None


@functools.cache
def _hints(initialize: Callable[..., None]) -> dict[str, Any]:
    """Return the annotations by argument. A constructor that names types for type checkers alone is not public."""
    try:
        return get_type_hints(initialize, include_extras=True)
    except NameError:
        return {}


def _check_place(scope: object, construct_id: str) -> None:
    if isinstance(scope, Stage):  # an app is one
        msg = f"scope must be a stack, or a construct in one, got {shown(scope)}"
        raise InvalidPropsError(msg)
    if not construct_id:
        msg = "construct_id must not be empty, got ''"
        raise InvalidPropsError(msg)
    if not is_known(construct_id):
        msg = "construct_id must be known when the app is synthesized, got a value that only the deployment knows"
        raise InvalidPropsError(msg)
