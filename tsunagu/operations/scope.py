"""Which stacks a command is about, and how it finds a thing in them by the name that an operator types."""

import difflib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from tsunagu.contracts.flows import Part, letters_of
from tsunagu.errors import AmbiguousNameError, NotFoundError
from tsunagu.operations.deployed_stacks import (
    DeployedStack,
    all_stacks,
    find_stack,
    find_stacks,
    is_of_stage,
    own_part,
    stack_name,
)
from tsunagu.operations.inventory import StackInventory, StackResource, read_inventories

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_NAMES_SHOWN = 12
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StackScope:
    """Which stacks are searched.

    Attributes:
        stack: Whole name of one stack, or its own part of a name with a stage. Default: all stacks.
        stage: Stage of the stacks: a part of their names, between hyphens. Default: all stages, and stacks without one.
        region: Their region, for errors. Default: errors do not name it.
    """

    stack: str | None = None
    stage: str | None = None
    region: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return the stacks as an error names them."""
        if self.stack is not None:
            return f"the stack {self.stack}"
        if self.stage is None:
            return f"the stacks of the region {self.region}".rstrip()
        return f"the stacks of the stage {self.stage}" + (f" in {self.region}" if self.region else "")


class NamedPart(NamedTuple):
    """A thing of a flow, found by its name.

    Attributes:
        inventory: Its stack.
        resource: Its resource.
        part: What the resource is.
    """

    inventory: StackInventory
    resource: StackResource
    part: Part


class Named(Protocol):
    """What can be found by a name."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def stack_name(self) -> str:
        """Its stack."""

    def is_named(self, name: str) -> bool:
        """Whether it is meant by a name."""


Thing = TypeVar("Thing", bound=Named)


def stacks_in(client: "CloudFormationClient", scope: StackScope) -> list[DeployedStack]:
    """Return the stacks of a scope, sorted by name.

    Raises:
        NotFoundError: There is none; the message suggests names that are alike.
        AmbiguousNameError: The stack has this part of its name in several stages.
    """
    if scope.stack is None:
        stacks = find_stacks(client, scope.stage) if scope.stage else all_stacks(client)
        if not stacks and scope.stage:
            raise NotFoundError(_no_stage(client, scope.stage))
        return stacks
    return [find_stack_in(client, scope.stack, scope.stage)]


def find_stack_in(client: "CloudFormationClient", name: str, stage: str | None = None) -> DeployedStack:
    """Return one stack by its whole name, or by its own part of the name.

    Args:
        client: CloudFormation client.
        name: `shop`, or `payments` for `tsunagu-dev-payments`. With a stage, any name with a part of that name counts:
            `bookings` for `bookings-dev`, `warehouse` for `Dev-Warehouse`.
        stage: Its stage. Default: any stage, where only one has such a stack.

    Raises:
        NotFoundError: There is none; the message suggests names that are alike.
        AmbiguousNameError: It is in several stages; the message lists them.
    """
    wanted = stack_name(stage, name) if stage else name
    for whole in dict.fromkeys((wanted, name)):  # who may describe one stack only cannot list the others
        with suppress(NotFoundError):
            return find_stack(client, whole)
    stacks = {stack.name: stack for stack in all_stacks(client)}
    alike = [each for each in stacks if _has_own_part(each, name, stage)]
    if len(alike) == 1:
        return stacks[alike[0]]
    if alike:
        option = "" if stage else ", or --stage"
        msg = f"the stack {name} must be one, got {', '.join(alike)}: give its whole name{option}"
        raise AmbiguousNameError(msg)
    place = f"at {client.meta.endpoint_url}{did_you_mean(wanted, stacks)}"
    what = f"the stack {name} of the stage {stage}" if stage else f"the stack {name}"
    msg = f"{what} must be deployed, got none of this name {place}"
    raise NotFoundError(msg)


def _has_own_part(stack: str, name: str, stage: str | None) -> bool:
    if stage is None:  # where a stage stands in other names is not known
        return stack.startswith("tsunagu-") and stack.endswith(f"-{name}")
    return is_of_stage(stack, stage) and own_part(stack, stage).casefold() == name.casefold()


def inventories_in(client: "CloudFormationClient", scope: StackScope) -> list[StackInventory]:
    """Return the inventories of the stacks of a scope. Where no stack is named, only those with flows of this library.

    Raises:
        NotFoundError: No stack is in the scope.
        AmbiguousNameError: The name of the stack is that of several.
    """
    return read_inventories(client, stacks_in(client, scope), only_with_flows=scope.stack is None)


def parts_of(inventories: Iterable[StackInventory], *kinds: str) -> list[NamedPart]:
    """Return everything of some kinds in some stacks, sorted by name and stack."""
    found = [
        NamedPart(inventory, resource, part)
        for inventory in inventories
        for resource in inventory.resources
        for part in resource.parts
        if part.kind in kinds
    ]
    return sorted(found, key=lambda each: (each.part.name, each.inventory.name, each.part.path))


def find_named(things: Sequence[Thing], name: str | None, *, what: str, scope: StackScope, option: str = "") -> Thing:
    """Return the one thing that a name means.

    A name that is written as it is counts before one that differs in case, hyphens or slashes.

    Args:
        things: What there is.
        name: The name. Default: the only thing.
        what: What it is, for errors: "queue".
        scope: Where it was looked for, for errors.
        option: Option of the command line that names it, for errors; "" for an argument.

    Raises:
        NotFoundError: There is none of this name; the message lists what there is, and suggests what is alike.
        AmbiguousNameError: There are several; the message lists their stacks.
    """
    exact = [each for each in things if name is None or each.name == name]
    found = exact or [each for each in things if name is not None and each.is_named(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        names = sorted({each.name for each in things})
        article = f"the {what} {name}" if name else f"a {what}"
        msg = f"{scope} must have {article}, got {_listed(names)}{did_you_mean(name or '', names)}"
        raise NotFoundError(msg)
    raise AmbiguousNameError(_ambiguous(found, name, what, option))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests names like `name`: ": did you mean orders?"; "" without any."""
    by_letters = {letters_of(each): each for each in known}
    alike = difflib.get_close_matches(letters_of(name), by_letters, n=_SUGGESTIONS, cutoff=0.7)
    return f": did you mean {' or '.join(by_letters[each] for each in alike)}?" if alike else ""


def _ambiguous(found: Sequence[Named], name: str | None, what: str, option: str) -> str:
    stacks = sorted({each.stack_name for each in found})
    if name is None:
        names = _listed([f"{each.name} of {each.stack_name}" for each in found])
        return f"{option or what.upper()} must name one {what}, got {names}"
    if len(stacks) > 1:
        return f"the {what} {name} must be in one stack, got {_listed(stacks)}: name one with --stack"
    others = _listed([_other_name(each) for each in found])
    return f"the {what} {name} must be one, got several in {stacks[0]}: name one as {others}"


def _other_name(thing: Named) -> str:
    """Return a name that no other thing of the stack has: that of its path."""
    return str(getattr(thing, "path", "") or getattr(thing, "logical_id", "") or thing.name)


def _listed(names: Sequence[str]) -> str:
    """Return names for an error; where there are many, the first ones."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    left = len(names) - _NAMES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown or "none"


def _no_stage(client: "CloudFormationClient", stage: str) -> str:
    names = [each.name for each in all_stacks(client)]
    parts = did_you_mean(stage, (part for name in names for part in name.split("-")))
    got = f"got the stacks {_listed(names)} at {client.meta.endpoint_url}{parts}"
    return f"the stage must be a part of a stack's name, such as tsunagu-{stage}-… or …-{stage}, {got}"
