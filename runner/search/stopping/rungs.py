"""Where trials are judged: rungs in a geometric row, and trials dealt to brackets."""

from __future__ import annotations

import math
from collections.abc import Sequence


def rung_step(rung: int, *, min_step: int, eta: float) -> int:
    """The step of a rung: min_step * eta^rung, rounded up. The first rung is 0."""
    return math.ceil(round(min_step * eta**rung, 9))


def bracket_count(*, min_step: int, max_step: int, eta: float) -> int:
    """How many brackets hyperband has: the whole part of log_eta(max_step / min_step), and one."""
    count = 1
    while rung_step(count, min_step=min_step, eta=eta) <= max_step:
        count += 1
    return count


def bracket_weights(count: int, *, eta: float) -> tuple[int, ...]:
    """How many trials each bracket gets, relative to the others; the first stops earliest and gets most.

    That is count * eta^s / (s + 1), rounded up, where s = count - 1 - bracket: n of Algorithm 1 in Li et al.
    (2018).
    """
    steps = (count - 1 - bracket for bracket in range(count))
    return tuple(math.ceil(round(count * eta**s / (s + 1), 9)) for s in steps)


def dealt(weights: Sequence[int]) -> tuple[int, ...]:
    """One round of brackets by these weights, each as evenly spread over it as can be.

    Trial n is of bracket `dealt(weights)[n % sum(weights)]`. Each turn goes to the bracket that is owed most:
    every bracket is owed its weight more at each turn, and whoever has the turn pays the sum of them.
    """
    owed = [0] * len(weights)
    row = []
    for _ in range(sum(weights)):
        owed = [debt + weight for debt, weight in zip(owed, weights, strict=True)]
        turn = max(range(len(weights)), key=lambda bracket: (owed[bracket], -bracket))
        owed[turn] -= sum(weights)
        row.append(turn)
    return tuple(row)
