"""Spaces to search in tests, and how a search of one goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from runner.model.space import Choice, Dimension, Normal, Params, Range, Space
from runner.model.sweep import Objective, Sweep
from runner.search.engines import searcher_for
from runner.search.protocol import Searcher, Told

MIXED = Space(
    dimensions=(
        Dimension(name="learning_rate", domain=Range(minimum=1e-5, maximum=0.1, log=True)),
        Dimension(name="optimizer", domain=Choice(values=("sgd", "adam", "none"))),
        Dimension(name="momentum", domain=Range(minimum=0, maximum=0.99), when=(("optimizer", ("sgd",)),)),
        Dimension(
            name="nesterov",
            domain=Choice(values=(True, False)),
            when=(("optimizer", ("sgd",)),),
        ),
        Dimension(name="layers", domain=Range(minimum=1, maximum=5, integer=True)),
        Dimension(name="dropout", domain=Range(minimum=0, maximum=0.9, step=0.3)),
        Dimension(name="units", domain=Range(minimum=8, maximum=512, log=True, integer=True)),
        Dimension(name="kernel", domain=Range(minimum=1, maximum=9, step=2, integer=True)),
        Dimension(
            name="second_units",
            domain=Range(minimum=8, maximum=64, step=8, integer=True),
            when=(("layers", (2, 3, 4, 5)),),
        ),
        Dimension(
            name="decay",
            domain=Range(minimum=1e-6, maximum=1e-2, log=True),
            when=(("optimizer", ("sgd", "adam")), ("layers", (3, 4, 5))),
        ),
    )
)
"""Everything that every method can search."""

WITH_NORMALS = Space(
    dimensions=(
        *MIXED.dimensions,
        Dimension(name="seed", domain=Choice(values=(1, True, "1"), probabilities=(0.5, 0.25, 0.25))),
        Dimension(name="shift", domain=Normal(mean=1, deviation=2)),
        Dimension(name="scale", domain=Normal(mean=0, deviation=2, log=True, step=0.5)),
    )
)

SMALL = Space(
    dimensions=(
        Dimension(name="a", domain=Choice(values=("x", "y", "z"))),
        Dimension(name="b", domain=Range(minimum=1, maximum=3, integer=True), when=(("a", ("x", "y")),)),
    )
)
"""Seven points."""

METHODS: list[dict[str, Any]] = [
    {"method": "random"},
    {"method": "random", "engine": "hyperopt"},
    {"method": "quasi_random"},
    {"method": "tpe"},
    {"method": "anneal"},
    {"method": "tpe", "engine": "optuna"},
    {"method": "cma_es"},
    {"method": "nsga2", "objectives": 2, "engine_options": {"population_size": 4}},
]
"""What every installation for tests can search with."""


def sweep(method: str, space: Space, *, objectives: int = 1, **options: Any) -> Sweep:
    """A sweep of a seed."""
    metrics = tuple(Objective(metric=f"loss_{index}") for index in range(objectives))
    given = {"name": "searched", "seed": 97531, "max_trials": 24, **options}
    return Sweep(method=method, space=space, objectives=metrics, **given)  # type: ignore[arg-type]


def loss(params: Params) -> float:
    """Something smooth that depends on everything."""
    numbers = [float(v) if not isinstance(v, str) else len(v) / 3 for v in params.values()]
    return sum(math.log(number + 3) if number > -2 else -number for number in numbers)


def told(number: int, params: Params, objectives: int = 1) -> Told:
    """Every fifth trial fails, in several ways."""
    if number % 5 == 2:
        return Told(losses=None if number % 2 else (math.nan,) * objectives)
    return Told(losses=tuple(loss(params) * (index * 2 + 1) - index for index in range(objectives)))


def searched(order: Sweep, *, count: int, lag: int = 0) -> list[Params]:
    """The first suggestions of a search, each told `lag` suggestions later."""
    searcher, points = searcher_for(order), list[Params]()
    for number in range(count):
        params = searcher.suggest(number)
        if params is None:
            break
        searcher.add(number, params)
        points.append(params)
        if number >= lag:
            searcher.tell(number - lag, told(number - lag, points[number - lag], len(order.objectives)))
    return points


def replay(searcher: Searcher, points: Sequence[Params], *, lag: int, objectives: int = 1) -> None:
    """Repeats what was added and told, without asking."""
    for number, params in enumerate(points):
        searcher.add(number, params)
        if number >= lag:
            searcher.tell(number - lag, told(number - lag, points[number - lag], objectives))
