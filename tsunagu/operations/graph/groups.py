"""Boxes around constructs: the outermost ones, and within them the innermost ones that hold a piece of the flow."""

from collections.abc import Iterable, Mapping, Sequence

from tsunagu.operations.graph.model import Edge, Group, Node
from tsunagu.operations.graph.names import Path


def grouped(nodes: Mapping[str, Node], edges: Sequence[Edge], whole: Sequence[Path] = ()) -> Group:
    """Return the groups of a graph.

    A construct is a group if it has two nodes or more that lead to each other. A dead-letter queue beneath its queue
    counts as one with the queue, and a node that nothing leads to or from does not count. Of constructs within each
    other, the outermost and the innermost ones become groups.

    Args:
        nodes: Nodes by key.
        edges: Edges between them.
        whole: Paths that become groups in any case, such as those of stacks.
    """
    roots = {key: _root(nodes, key) for key in nodes}
    members: dict[Path, list[str]] = {}
    for key, node in nodes.items():
        owner = nodes[roots[key]]
        for length in range(1, 1 if node.is_outside else len(owner.path)):
            members.setdefault(owner.path[:length], []).append(key)
    fit = {path for path, keys in members.items() if path in whole or _hangs_together(keys, roots, edges)}
    chosen = [path for path in fit if path in whole or _is_outermost(path, fit, whole) or _is_innermost(path, fit)]
    return _group((), (), nodes, roots, sorted(chosen, key=lambda path: list(members).index(path)))


def _group(path: Path, around: Path, nodes: Mapping[str, Node], roots: Mapping[str, str], chosen: list[Path]) -> Group:
    inner = [each for each in chosen if each != path and each[: len(path)] == path]
    direct = [each for each in inner if not any(_is_within(each, other) for other in inner)]
    groups = tuple(_group(each, path, nodes, roots, inner) for each in direct)
    taken = {key for group in groups for key in group.all_nodes()}
    own = tuple(
        key
        for key, node in nodes.items()
        if key not in taken and (not path or (not node.is_outside and nodes[roots[key]].path[: len(path)] == path))
    )
    return Group(title="/".join(path[len(around) :]), path=path, nodes=own, groups=groups)


def _hangs_together(keys: Sequence[str], roots: Mapping[str, str], edges: Sequence[Edge]) -> bool:
    """Whether there are two nodes or more, and each leads to the others, in any direction."""
    pairs = [(roots[edge.source], roots[edge.target]) for edge in edges]
    connected = {end for source, target in pairs if source != target for end in (source, target)}
    blocks = {roots[key] for key in keys} & connected
    reached, ahead = set[str](), sorted(blocks)[:1]
    while ahead:
        key = ahead.pop()
        reached.add(key)
        beside = {end for pair in pairs if key in pair for end in pair}
        ahead += sorted((beside & blocks) - reached)
    return len(blocks) > 1 and reached == blocks


def _root(nodes: Mapping[str, Node], key: str) -> str:
    beneath = nodes[key].beneath
    return key if beneath is None else _root(nodes, beneath)


def _is_outermost(path: Path, fit: Iterable[Path], whole: Sequence[Path]) -> bool:
    return not any(_is_within(path, other) for other in fit if other not in whole)


def _is_innermost(path: Path, fit: Iterable[Path]) -> bool:
    return not any(_is_within(other, path) for other in fit)


def _is_within(path: Path, other: Path) -> bool:
    return path != other and path[: len(other)] == other
