"""A small random forest in plain Python, and which columns its predictions depend on.

Columns are bins, small whole numbers: trees ask no more of a number than its rank, so that scales, logarithms
among them, do not matter. What a row does not have is a bin of its own.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

TREES = 48
_LEAST_LEAF = 3
_DEEPEST = 10
_SHUFFLES = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A bin for each row, below `size`. Bins that are not `ordered` are names, and may be split anyhow."""

    bins: Sequence[int]
    size: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class _Split:
    column: int
    left_bins: frozenset[int]
    left: _Node
    right: _Node


_Node = _Split | float


def importances(columns: Sequence[Column], target: Sequence[float], *, seed: int = 0) -> list[float]:
    """How much worse trees predict `target` for rows they never saw, once a column is shuffled.

    A share of the target's variance for each column, about 0 for one without influence and never less. The
    same data and seed give the same numbers.
    """
    count = len(target)
    mean = fmean(target)
    variance = fmean((value - mean) ** 2 for value in target)
    if count < 2 * _LEAST_LEAF or variance <= 0:
        return [0.0] * len(columns)
    chance = random.Random(seed)  # noqa: S311  # nothing is kept secret with it
    found = [0.0] * len(columns)
    for _ in range(TREES):
        inside = [chance.randrange(count) for _ in range(count)]
        outside = sorted(set(range(count)).difference(inside))
        if len(outside) < 2:
            continue
        tree = _grown(columns, target, inside, chance, _DEEPEST)
        for column, worse in _worsening(tree, columns, target, outside, chance).items():
            found[column] += worse
    return [max(0.0, total / TREES / variance) for total in found]


def _grown(
    columns: Sequence[Column], target: Sequence[float], rows: list[int], chance: random.Random, deepest: int
) -> _Node:
    total = sum(target[row] for row in rows)
    mean = total / len(rows)
    if deepest == 0 or len(rows) < 2 * _LEAST_LEAF:
        return mean
    tried = chance.sample(range(len(columns)), max(1, (2 * len(columns) + 2) // 3))
    best_gain, best_column, best_left = 1e-12, -1, frozenset[int]()
    for number in tried:
        gain, left = _best_split(columns[number], target, rows, total)
        if gain > best_gain:
            best_gain, best_column, best_left = gain, number, left
    if best_column < 0:
        return mean
    bins = columns[best_column].bins
    inside = [row for row in rows if bins[row] in best_left]
    outside = [row for row in rows if bins[row] not in best_left]
    return _Split(
        best_column,
        best_left,
        _grown(columns, target, inside, chance, deepest - 1),
        _grown(columns, target, outside, chance, deepest - 1),
    )


def _best_split(
    column: Column, target: Sequence[float], rows: Sequence[int], total: float
) -> tuple[float, frozenset[int]]:
    """By how much the squared error falls at best, and which bins go left."""
    bins = column.bins
    sums, counts = [0.0] * column.size, [0] * column.size
    for row in rows:
        place = bins[row]
        sums[place] += target[row]
        counts[place] += 1
    order = [place for place in range(column.size) if counts[place]]
    if not column.ordered:
        order.sort(key=lambda place: sums[place] / counts[place])
    count = len(rows)
    before = total * total / count
    best, cut = 0.0, -1
    left_sum, left_count = 0.0, 0
    for index in range(len(order) - 1):
        left_sum += sums[order[index]]
        left_count += counts[order[index]]
        right_count = count - left_count
        if left_count < _LEAST_LEAF or right_count < _LEAST_LEAF:
            continue
        right_sum = total - left_sum
        gain = left_sum * left_sum / left_count + right_sum * right_sum / right_count - before
        if gain > best:
            best, cut = gain, index
    return best, frozenset(order[: cut + 1])


def _worsening(
    tree: _Node,
    columns: Sequence[Column],
    target: Sequence[float],
    rows: list[int],
    chance: random.Random,
) -> dict[int, float]:
    """By how much the mean squared error of `rows` grows with each column that the tree asks."""
    asked = set[int]()
    _asked(tree, asked)
    honest = fmean((target[row] - _predicted(tree, columns, row, -1, 0)) ** 2 for row in rows)
    found = {}
    for column in sorted(asked):
        bins = columns[column].bins
        errors = 0.0
        for _ in range(_SHUFFLES):
            shuffled = [bins[row] for row in rows]
            chance.shuffle(shuffled)
            for row, place in zip(rows, shuffled, strict=True):
                errors += (target[row] - _predicted(tree, columns, row, column, place)) ** 2
        found[column] = errors / len(rows) / _SHUFFLES - honest
    return found


def _asked(node: _Node, found: set[int]) -> None:
    if isinstance(node, _Split):
        found.add(node.column)
        _asked(node.left, found)
        _asked(node.right, found)


def _predicted(node: _Node, columns: Sequence[Column], row: int, shuffled: int, place: int) -> float:
    """What the tree says of a row whose bin of the column `shuffled` is `place`."""
    while isinstance(node, _Split):
        at = place if node.column == shuffled else columns[node.column].bins[row]
        node = node.left if at in node.left_bins else node.right
    return node
