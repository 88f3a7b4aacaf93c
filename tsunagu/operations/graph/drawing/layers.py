"""Orders items in layers, from left to right: each behind all that lead to it, with few crossings."""

from collections.abc import Mapping, Sequence

Pair = tuple[str, str]

_SWEEPS = 12


def without_circles(keys: Sequence[str], pairs: Sequence[Pair]) -> list[Pair]:
    """Return pairs with those that close a circle turned round. The search begins where nothing leads to."""
    following = _following(pairs)
    entered = {target for _, target in pairs}
    state: dict[str, int] = {}
    backwards: set[Pair] = set()

    def visit(key: str) -> None:
        state[key] = 1
        for target in following.get(key, ()):
            if state.get(target) == 1:
                backwards.add((key, target))
            elif target not in state:
                visit(target)
        state[key] = 2

    for key in sorted(keys, key=lambda key: (key in entered, list(keys).index(key))):
        if key not in state:
            visit(key)
    return [pair[::-1] if pair in backwards else pair for pair in pairs]


def layers_of(keys: Sequence[str], pairs: Sequence[Pair]) -> list[list[str]]:
    """Return items in layers by their longest way from a beginning. What begins a way is directly before its target."""
    ordered = without_circles(keys, pairs)
    before = _following([pair[::-1] for pair in ordered])
    after = _following(ordered)
    depth: dict[str, int] = {}

    def depth_of(key: str) -> int:
        if key not in depth:
            depth[key] = max((depth_of(source) + 1 for source in before.get(key, ())), default=0)
        return depth[key]

    for key in keys:
        depth_of(key)
    for key in keys:
        if not before.get(key) and after.get(key):
            depth[key] = max(min(depth[target] for target in after[key]) - 1, 0)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in keys:
        layers[depth[key]].append(key)
    return _with_few_crossings([layer for layer in layers if layer], pairs)


def _with_few_crossings(layers: list[list[str]], pairs: Sequence[Pair]) -> list[list[str]]:
    """Order each layer by the mean place of what its items are connected to, back and forth; keep the best order."""
    best, fewest = layers, crossings(layers, pairs)
    beside = _following([*pairs, *(pair[::-1] for pair in pairs)])
    for sweep in range(_SWEEPS):
        turn = layers if sweep % 2 == 0 else layers[::-1]
        placed = {key: (number + 0.5) / len(layer) for layer in layers for number, key in enumerate(layer)}
        for layer in turn:
            means = {key: _mean([placed[each] for each in beside.get(key, ())], placed[key]) for key in layer}
            layer.sort(key=means.__getitem__)
            placed.update({key: (number + 0.5) / len(layer) for number, key in enumerate(layer)})
        found = crossings(layers, pairs)
        if found < fewest:
            best, fewest = [[*layer] for layer in layers], found
    return best


def crossings(layers: Sequence[Sequence[str]], pairs: Sequence[Pair]) -> int:
    """Return how many pairs of edges cross, each drawn as a straight line between places in its layers."""
    place = {key: (number, row) for number, layer in enumerate(layers) for row, key in enumerate(layer)}
    lines = [tuple(sorted((place[source], place[target]))) for source, target in pairs]
    lines = [line for line in lines if line[0][0] != line[1][0]]
    return sum(
        (first[0][1] - second[0][1]) * (first[1][1] - second[1][1]) < 0
        for number, first in enumerate(lines)
        for second in lines[:number]
        if first[0][0] == second[0][0] and first[1][0] == second[1][0]
    )


def _following(pairs: Sequence[Pair]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, target in pairs:
        if target not in found.setdefault(source, []):
            found[source].append(target)
    return found


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
