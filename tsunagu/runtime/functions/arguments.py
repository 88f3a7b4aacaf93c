"""Checks the arguments of decorators: what is wrong raises at import, and says what was expected."""

import types

from tsunagu.runtime.functions.adapters import FunctionStart

CONCURRENCY = range(1, 101)


def check_text(name: str, value: object) -> None:
    """Refuse what is no text, such as the function of a decorator without its arguments.

    Raises:
        TypeError: It is no text.
    """
    if isinstance(value, types.FunctionType):
        msg = f"{name} must be text, got the function {value.__name__}: give the decorator its arguments"
        raise TypeError(msg)
    if not isinstance(value, str):
        msg = f"{name} must be text, got {value!r}"
        raise TypeError(msg)


def check_class(name: str, value: object) -> None:
    """Refuse what is no class, such as an object of it.

    Raises:
        TypeError: It is no class.
    """
    if not isinstance(value, type):
        msg = f"{name} must be a class, got {value!r}"
        raise TypeError(msg)


def check_concurrency(value: object) -> None:
    """Refuse a concurrency that is out of range.

    Raises:
        ValueError: It is.
    """
    if isinstance(value, bool) or value not in CONCURRENCY:
        msg = f"concurrency must be between {CONCURRENCY[0]} and {CONCURRENCY[-1]}, got {value!r}"
        raise ValueError(msg)


def check_switches(**switches: object) -> None:
    """Refuse a switch that is neither True nor False: a text is true, whatever it says.

    Raises:
        TypeError: One is something else.
    """
    for name, value in switches.items():
        if not isinstance(value, bool):
            msg = f"{name} must be True or False, got {value!r}"
            raise TypeError(msg)


def refuse_handler(function: object) -> None:
    """Refuse a Lambda handler that a decorator made: it takes an event, and no message.

    Raises:
        TypeError: It is one.
    """
    if isinstance(getattr(function, "start", None), FunctionStart):
        msg = f"a function must have one decorator that makes a Lambda handler, got two on {function!r}"
        raise TypeError(msg)
