"""Short names of resources: the path of their construct, without what their type says anyway."""

import re
from collections.abc import Mapping, Sequence

from tsunagu.templates.template import Resource

PATH_METADATA = "aws:cdk:path"
_HASH = re.compile(r"(?<=.)[0-9A-F]{8}$")
_OF_THE_CDK = ("Resource", "Default")
# Ids of constructs that say no more than the type of the resource does.
_TYPE_WORDS = (
    *("Api", "Bucket", "Function", "Handler", "Machine", "Pipe", "Queue", "RestApi", "Schedule"),
    *("StateMachine", "Table", "Topic"),
)

Path = tuple[str, ...]


def construct_paths(
    resources: Sequence[Resource], beside: Mapping[str, str], stack_name: str | None
) -> dict[str, Path]:
    """Return the paths of the constructs of one template, below their stack.

    Args:
        resources: Resources of the template.
        beside: Whole paths by logical id, of what has no path in its metadata.
        stack_name: Name of the stack: for a stack within a stage, the CDK makes it of both ids.

    Returns:
        Paths by the key of the resource. One without a known path has its logical id, without the hash.
    """
    whole = {each.key: _whole_path(each, beside) for each in resources}
    return {
        each.key: _below(whole[each.key], _stack_length(whole[each.key], stack_name))
        or (logical_name(each.logical_id),)
        for each in resources
    }


def shortened(paths: Mapping[str, Path], beneath: Mapping[str, str]) -> dict[str, Path]:
    """Return paths without the ids at their end that repeat the type.

    A path stays long where the short one is a construct with other resources, except those beneath the resource: a
    queue may have the name of the channel that it makes up with its dead-letter queue.

    Args:
        paths: Paths by key.
        beneath: What a resource is drawn beneath, by key.
    """
    short = dict(paths)
    for key, path in paths.items():
        while len(path) > 1 and path[-1] in _TYPE_WORDS and not _others_below(path[:-1], key, paths, beneath):
            path = path[:-1]  # noqa: PLW2901 - it becomes shorter with each turn
        short[key] = path
    return short


def _others_below(path: Path, key: str, paths: Mapping[str, Path], beneath: Mapping[str, str]) -> bool:
    return any(
        other != key and beneath.get(other) != key and below[: len(path)] == path for other, below in paths.items()
    )


def logical_name(logical_id: str) -> str:
    """Return a logical id without the hash that the CDK gives it."""
    return _HASH.sub("", logical_id)


def _whole_path(resource: Resource, beside: Mapping[str, str]) -> Path:
    found = resource.metadata.get(PATH_METADATA) or beside.get(resource.logical_id, "")
    return tuple(part for part in str(found).split("/") if part)


def _below(path: Path, stack: int) -> Path:
    rest = tuple(part for part, before in zip(path[stack:], ("", *path[stack:]), strict=False) if part != before)
    return rest[:-1] if len(rest) > 1 and rest[-1] in _OF_THE_CDK else rest


def _stack_length(path: Path, stack_name: str | None) -> int:
    """Return how many ids at the beginning of a path are those of the stack."""
    lengths = (length for length in range(2, len(path)) if "-".join(path[:length]) == stack_name)
    return next(lengths, 1)
