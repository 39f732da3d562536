"""Sequential searches are hyperopt's `fmin` with the same seed, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, anneal, fmin, hp, rand, space_eval, tpe

from runner.model.space import Choice, Dimension, Normal, Params, Range, Space
from runner.model.sweep import Sweep
from runner.search.engines import searcher_for
from runner.search.protocol import Told
from tests.runner.search.spaces import sweep

SEED = 1234
Loss = Callable[[Mapping[str, Any]], float | None]


def numbers() -> dict[str, Any]:
    return {
        "learning_rate": hp.loguniform("learning_rate", math.log(1e-5), math.log(0.1)),
        "momentum": hp.uniform("momentum", 0.0, 0.99),
    }


NUMBERS = Space(
    dimensions=(
        Dimension(name="momentum", domain=Range(minimum=0.0, maximum=0.99)),
        Dimension(name="learning_rate", domain=Range(minimum=1e-5, maximum=0.1, log=True)),
    )
)


def everything() -> dict[str, Any]:
    return {
        "batch": hp.choice("batch", [16, 32, 64]),
        "activation": hp.pchoice("activation", [(0.7, "relu"), (0.3, "tanh")]),
        "layers": hp.uniformint("layers", 1, 5),
        "dropout": hp.quniform("dropout", 0, 0.8, 0.2),
        "units": hp.qloguniform("units", math.log(8), math.log(512), 1),
        "shift": hp.normal("shift", 0, 2),
        "steps": hp.qnormal("steps", 0, 5, 0.5),
        "scale": hp.lognormal("scale", 0, 1),
        "width": hp.qlognormal("width", 1, 1, 0.5),
    }


EVERYTHING = Space(
    dimensions=(
        Dimension(name="batch", domain=Choice(values=(16, 32, 64))),
        Dimension(name="activation", domain=Choice(values=("relu", "tanh"), probabilities=(0.7, 0.3))),
        Dimension(name="layers", domain=Range(minimum=1, maximum=5, integer=True)),
        Dimension(name="dropout", domain=Range(minimum=0, maximum=0.8, step=0.2)),
        Dimension(name="units", domain=Range(minimum=8, maximum=512, integer=True, log=True)),
        Dimension(name="shift", domain=Normal(mean=0, deviation=2)),
        Dimension(name="steps", domain=Normal(mean=0, deviation=5, step=0.5)),
        Dimension(name="scale", domain=Normal(mean=0, deviation=1, log=True)),
        Dimension(name="width", domain=Normal(mean=1, deviation=1, log=True, step=0.5)),
    )
)


def conditional() -> dict[str, Any]:
    rate = hp.loguniform("rate", math.log(1e-4), math.log(1.0))
    return {
        "model": hp.choice(
            "model",
            [
                {
                    "name": "svm",
                    "c": hp.lognormal("c", 0, 1),
                    "kernel": hp.choice(
                        "kernel",
                        [
                            {"kernel": "linear"},
                            {"kernel": "rbf", "gamma": hp.uniform("gamma", 0, 1)},
                        ],
                    ),
                },
                {"name": "net", "rate": rate, "layers": hp.uniformint("layers", 1, 4)},
                {"name": "boost", "rate": rate},
            ],
        ),
        "fold": hp.randint("fold", 3),
    }


CONDITIONAL = Space(
    dimensions=(
        Dimension(name="model", domain=Choice(values=("svm", "net", "boost"))),
        Dimension(name="c", domain=Normal(mean=0, deviation=1, log=True), when=(("model", ("svm",)),)),
        Dimension(name="kernel", domain=Choice(values=("linear", "rbf")), when=(("model", ("svm",)),)),
        Dimension(name="gamma", domain=Range(minimum=0, maximum=1), when=(("kernel", ("rbf",)),)),
        Dimension(
            name="rate",
            domain=Range(minimum=1e-4, maximum=1.0, log=True),
            when=(("model", ("net", "boost")),),
        ),
        Dimension(
            name="layers", domain=Range(minimum=1, maximum=4, integer=True), when=(("model", ("net",)),)
        ),
        Dimension(name="fold", domain=Choice(values=(0, 1, 2))),
    )
)


def loss(values: Mapping[str, Any]) -> float:
    """The same number for what a script of hyperopt's sees and for our parameters."""
    return sum(len(v) if isinstance(v, str) else math.sin(float(v)) for _, v in sorted(flat(values).items()))


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value) if isinstance(value, Mapping) else {name: value}
    return found


def by_fmin(
    space: dict[str, Any], algo: Any, count: int, of: Loss, points: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    trials = None if points else Trials()
    seen: list[dict[str, Any]] = []

    def objective(values: dict[str, Any]) -> dict[str, Any]:
        seen.append(values)
        value = of(values)
        return {"status": STATUS_FAIL} if value is None else {"status": STATUS_OK, "loss": value}

    fmin(
        objective,
        space,
        algo=algo,
        max_evals=count,
        trials=trials,
        points_to_evaluate=points,
        rstate=np.random.default_rng(SEED),
        verbose=False,
        show_progressbar=False,
    )
    return seen


def by_us(order: Sweep, count: int, of: Loss) -> list[Params]:
    searcher, points = searcher_for(order), []
    for number in range(count):
        params = searcher.suggest(number)
        assert params is not None
        searcher.add(number, params)
        value = of(params)
        searcher.tell(number, Told(losses=None if value is None else (value,)))
        points.append(params)
    return points


def assert_equal(ours: list[Params], theirs: list[dict[str, Any]], space: Space) -> None:
    assert len(ours) == len(theirs)
    for params, seen in zip(ours, theirs, strict=True):
        known = {("name" if key == "model" else key): value for key, value in params.items()}
        for name, value in flat(seen).items():
            key = "model" if name == "name" else name
            stepped = getattr(space[key].domain, "step", None) is not None
            # 3 * 0.2 is 0.6000000000000001 to hyperopt, and 0.6 to people.
            assert known[name] == (pytest.approx(value, rel=1e-12) if stepped else value)
            assert str(params[key]) == text(value, space[key]) or stepped


def text(value: Any, dimension: Dimension) -> str:
    is_integer = isinstance(dimension.domain, Range) and dimension.domain.integer
    return str(int(value) if is_integer else value)


ALGORITHMS = [
    ("tpe", {}, tpe.suggest),
    ("anneal", {}, anneal.suggest),
    ("random", {"engine": "hyperopt"}, rand.suggest),
]
SPACES = [
    pytest.param(NUMBERS, numbers, id="numbers"),
    pytest.param(EVERYTHING, everything, id="everything"),
    pytest.param(CONDITIONAL, conditional, id="conditional"),
]


@pytest.mark.parametrize(("space", "theirs"), SPACES)
@pytest.mark.parametrize(("method", "options", "algo"), ALGORITHMS, ids=["tpe", "anneal", "random"])
def test_100_trials_are_those_of_fmin(
    space: Space, theirs: Callable[[], dict[str, Any]], method: str, options: dict[str, Any], algo: Any
) -> None:
    order = sweep(method, space, seed=SEED, max_trials=100, **options)

    assert_equal(by_us(order, 100, loss), by_fmin(theirs(), algo, 100, loss), space)


def test_trials_that_fail_are_those_of_fmin() -> None:
    def sometimes(values: Mapping[str, Any]) -> float | None:
        return None if values["momentum"] > 0.7 else loss(values)

    order = sweep("tpe", NUMBERS, seed=SEED, max_trials=60)

    assert_equal(by_us(order, 60, sometimes), by_fmin(numbers(), tpe.suggest, 60, sometimes), NUMBERS)


def test_equal_losses_are_ranked_as_by_fmin() -> None:
    def coarse(values: Mapping[str, Any]) -> float:
        return round(loss(values) * 2) / 2

    order = sweep("tpe", NUMBERS, seed=SEED, max_trials=60)

    assert_equal(by_us(order, 60, coarse), by_fmin(numbers(), tpe.suggest, 60, coarse), NUMBERS)


def test_options_are_those_of_fmin() -> None:
    given = {"n_startup_trials": 5, "n_ei_candidates": 7, "gamma": 0.5, "prior_weight": 2.0}
    algo = partial(tpe.suggest, n_startup_jobs=5, n_EI_candidates=7, gamma=0.5, prior_weight=2.0)
    order = sweep("tpe", CONDITIONAL, seed=SEED, max_trials=40, engine_options=given)

    assert_equal(by_us(order, 40, loss), by_fmin(conditional(), algo, 40, loss), CONDITIONAL)


def test_initial_points_are_those_of_fmin() -> None:
    points = [{"learning_rate": 0.01, "momentum": 0.9}, {"learning_rate": 0.001, "momentum": 0.5}]
    order = sweep("tpe", NUMBERS, seed=SEED, max_trials=60, initial_points=tuple(points))

    # As of `fmin`, `max_evals` does not count the initial points.
    assert_equal(by_us(order, 42, loss), by_fmin(numbers(), tpe.suggest, 40, loss, points), NUMBERS)


def test_a_best_trial_of_fmin_is_ours() -> None:
    trials = Trials()
    best = fmin(
        loss, numbers(), algo=tpe.suggest, max_evals=40, trials=trials,
        rstate=np.random.default_rng(SEED), verbose=False, show_progressbar=False,
    )  # fmt: skip
    ours = by_us(sweep("tpe", NUMBERS, seed=SEED, max_trials=60), 40, loss)

    assert min(ours, key=loss) == space_eval(numbers(), best)
