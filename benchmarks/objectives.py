"""What searches are compared on: three functions of the literature, and a table of real trainings.

Branin, Hartmann-6 and Rosenbrock as in https://www.sfu.ca/~ssurjano/optimization.html.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.model.space import Choice, Dimension, Params, Range, Space

TABLE = Path(__file__).parent / "data/digits_mlp.csv"

_HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is searched. Results are compared by their distance from `minimum`, the least loss there is."""

    name: str
    space: Space
    loss: Callable[[Params], float]
    minimum: float


def branin(params: Params) -> float:
    """Two parameters, three equal minima."""
    x, y = float(params["x"]), float(params["y"])
    b, c, t = 5.1 / (4 * math.pi**2), 5 / math.pi, 1 / (8 * math.pi)
    return (y - b * x**2 + c * x - 6) ** 2 + 10 * (1 - t) * math.cos(x) + 10


def hartmann6(params: Params) -> float:
    """Six parameters, one minimum among six local ones."""
    x = np.array([float(params[f"x{index}"]) for index in range(6)])
    return float(-(_HARTMANN_ALPHA * np.exp(-(_HARTMANN_A * (x - _HARTMANN_P) ** 2).sum(axis=1))).sum())


def rosenbrock(params: Params) -> float:
    """Four parameters; the minimum lies in a narrow, bent valley."""
    x = np.array([float(params[f"x{index}"]) for index in range(4)])
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def problems() -> list[Problem]:
    """All of them."""
    return [
        Problem(
            name="Branin",
            space=Space(dimensions=(_number("x", -5, 10), _number("y", 0, 15))),
            loss=branin,
            minimum=0.39788735772973816,
        ),
        Problem(
            name="Hartmann-6",
            space=Space(dimensions=tuple(_number(f"x{index}", 0, 1) for index in range(6))),
            loss=hartmann6,
            minimum=-3.32236801141551,
        ),
        Problem(
            name="Rosenbrock-4",
            space=Space(dimensions=tuple(_number(f"x{index}", -5, 10) for index in range(4))),
            loss=rosenbrock,
            minimum=0.0,
        ),
        digits().problem,
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainings:
    """The table: validation losses by epoch (the first is epoch 1) of each combination of parameters."""

    curves: Mapping[tuple[float, ...], tuple[float, ...]]
    space: Space

    def curve(self, params: Params) -> tuple[float, ...]:
        """The losses of a training with these parameters."""
        return self.curves[tuple(float(params[name]) for name in self.space.names)]

    @property
    def problem(self) -> Problem:
        """The search for the least loss after the last epoch."""
        return Problem(
            name="digits (table)",
            space=self.space,
            loss=lambda params: self.curve(params)[-1],
            minimum=min(curve[-1] for curve in self.curves.values()),
        )


def digits() -> Trainings:
    """The table of `data/make_digits_table.py`. Its four parameters are lists of numbers, in order."""
    curves: dict[tuple[float, ...], tuple[float, ...]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        names, rows = _read(file.read())
    for *params, losses in rows:
        curves[tuple(map(float, params))] = tuple(int(loss) / 1e4 for loss in losses.split())
    columns = zip(*curves, strict=True)
    dimensions = [
        Dimension(name=name, domain=Choice(values=tuple(sorted(set(column)))))
        for name, column in zip(names, columns, strict=False)
    ]
    return Trainings(curves=curves, space=Space(dimensions=tuple(dimensions)))


def _read(text: str) -> tuple[list[str], list[list[str]]]:
    header, *rows = csv.reader(text.splitlines())
    return header[:-1], rows


def _number(name: str, low: float, high: float) -> Dimension:
    return Dimension(name=name, domain=Range(minimum=low, maximum=high))
