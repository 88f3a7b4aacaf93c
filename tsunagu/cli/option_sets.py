"""Options that several verbs have in common, each set held once.

def change_options(*, yes: Yes = False, force: Force = False) -> ChangeOptions: ...


@option_sets(options=change_options)
def purge(name: Name = None, *, options: ChangeOptions) -> None: ...

The command `purge` has the options --yes and --force. The verb gets what `change_options` makes of them.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Verb = Callable[..., None]
Maker = Callable[..., Any]


def option_sets(**makers: Maker) -> Callable[[Verb], Verb]:
    """Return a decorator that replaces parameters of a verb by the options of which they are made.

    Args:
        makers: A function for each parameter, by the parameter's name. Its own parameters, which are keyword-only, have
            typer's annotations, and become options of the verb in the parameter's place.
    """

    def decorate(verb: Verb) -> Verb:
        own = inspect.signature(verb)
        parameters = [*_replaced(own.parameters.values(), makers)]

        @functools.wraps(verb)
        def with_sets(*arguments: Any, **options: Any) -> None:
            made = {name: maker(**_taken(options, maker)) for name, maker in makers.items()}
            verb(*arguments, **options, **made)

        decorated: Any = with_sets
        decorated.__signature__ = own.replace(parameters=parameters)
        decorated.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
        return with_sets

    return decorate


def _replaced(parameters: Any, makers: Mapping[str, Maker]) -> Iterator[inspect.Parameter]:
    for parameter in parameters:
        if parameter.name in makers:
            yield from inspect.signature(makers[parameter.name]).parameters.values()
        else:
            yield parameter


def _taken(options: dict[str, Any], maker: Maker) -> dict[str, Any]:
    """Take the options of a set out of all that the verb was given."""
    return {name: options.pop(name) for name in inspect.signature(maker).parameters if name in options}
