"""What every searcher promises: values of the space, nothing but history and seed in a suggestion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sklearn  # noqa: F401 # adaptive TPE loads it; it sets variables, which no test may leave behind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.model.space import Choice, Dimension, Normal, Params, Range, Space, Value
from runner.search.engines import searcher_for
from runner.search.protocol import Told
from tests.runner.search.spaces import METHODS, MIXED, SMALL, WITH_NORMALS, replay, searched, sweep, told

every_method = pytest.mark.parametrize(
    "options", METHODS, ids=lambda o: f"{o['method']}-{o.get('engine', '')}"
)


@every_method
@pytest.mark.parametrize("lag", [0, 6])
def test_suggestions_are_points_of_the_space_with_the_parameters_that_matter(
    options: dict[str, Any], lag: int
) -> None:
    points = searched(sweep(space=WITH_NORMALS, **options), count=24, lag=lag)

    assert len(points) == 24
    for params in points:
        assert WITH_NORMALS.includes(params), params
        assert ("momentum" in params) == (params["optimizer"] == "sgd")
        assert list(params) == [name for name in WITH_NORMALS.names if name in params]


@every_method
def test_a_search_is_resumed_by_repeating_what_was_added_and_told(options: dict[str, Any]) -> None:
    order = sweep(space=MIXED, **options)
    undisturbed = searched(order, count=20, lag=3)

    resumed = searcher_for(order)
    replay(resumed, undisturbed[:13], lag=3, objectives=len(order.objectives))
    for number in range(13, 20):
        assert resumed.suggest(number) == undisturbed[number]
        resumed.add(number, undisturbed[number])
        resumed.tell(number - 3, told(number - 3, undisturbed[number - 3], len(order.objectives)))


@every_method
def test_asking_leaves_no_trace(options: dict[str, Any]) -> None:
    order = sweep(space=MIXED, **options)
    points = searched(order, count=14)
    curious, quiet = searcher_for(order), searcher_for(order)
    for number, params in enumerate(points):
        curious.suggest(number + 50)
        assert curious.suggest(number) == curious.suggest(number) == params
        for searcher in (curious, quiet):
            searcher.add(number, params)
            searcher.tell(number, told(number, params, len(order.objectives)))

    assert curious.suggest(14) == quiet.suggest(14)


@every_method
def test_running_trials_do_not_get_the_same_suggestion(options: dict[str, Any]) -> None:
    searcher = searcher_for(sweep(space=MIXED, **options))
    for number in range(12):
        params = searcher.suggest(number)
        assert params is not None
        searcher.add(number, params)
        searcher.tell(number, told(number, params, options.get("objectives", 1)))
    running = []
    for number in range(12, 20):
        params = searcher.suggest(number)
        assert params is not None
        searcher.add(number, params)
        running.append(params)

    assert all(params not in running[:place] for place, params in enumerate(running))


@every_method
def test_seeds_differ_and_one_seed_does_not(options: dict[str, Any]) -> None:
    first, again = (searched(sweep(space=MIXED, **options), count=8) for _ in range(2))
    other = searched(sweep(space=MIXED, **options, seed=1), count=8)

    assert first == again
    assert first != other


@every_method
def test_initial_points_come_first(options: dict[str, Any]) -> None:
    points = searched(sweep(space=MIXED, **options, seed=5), count=2)
    order = sweep(space=MIXED, **options, initial_points=tuple(points))

    assert searched(order, count=6)[:2] == points
    assert len(searched(order, count=6)) == 6


@every_method
def test_a_small_space_is_searched_once_and_then_nothing_is_left(options: dict[str, Any]) -> None:
    initial = {"a": "y", "b": 2}
    points = searched(sweep(space=SMALL, **options, initial_points=(initial,)), count=30)

    assert len(points) == 7
    assert sorted(map(str, points)) == sorted(map(str, SMALL.grid()))
    assert points[0] == initial


@every_method
def test_duplicates_are_allowed_on_request(options: dict[str, Any]) -> None:
    wanted = {**options, "engine_options": {**options.get("engine_options", {}), "allow_duplicates": True}}

    assert len(searched(sweep(space=SMALL, **wanted), count=30)) == 30


@every_method
def test_earlier_sweeps_teach_even_where_they_had_other_parameters(options: dict[str, Any]) -> None:
    order = sweep(space=MIXED, **options)
    points = searched(order, count=10)
    count = len(order.objectives)
    history: list[tuple[Params, Told]] = [(p, told(n, p, count)) for n, p in enumerate(points)]
    strange: Params = {"learning_rate": 7.0, "optimizer": "lion", "elsewhere": "x"}

    taught, again = searcher_for(order), searcher_for(order)
    for searcher in (taught, again):
        searcher.learn([*history, (strange, Told(losses=(1.0,) * count)), ({}, Told(losses=None))])

    suggestion = taught.suggest(0)
    assert suggestion is not None
    assert MIXED.includes(suggestion)
    assert suggestion == again.suggest(0)


def test_a_grid_has_every_point_in_the_order_of_the_file() -> None:
    assert searched(sweep("grid", SMALL), count=30) == list(SMALL.grid())


def test_a_grid_tries_initial_points_first_and_not_again() -> None:
    initial = {"a": "y", "b": 2}
    points = searched(sweep("grid", SMALL, initial_points=(initial,)), count=30)

    assert points == [initial, *(params for params in SMALL.grid() if params != initial)]


@pytest.mark.parametrize("method", ["random", "quasi_random"])
def test_what_learns_nothing_suggests_the_same_whatever_came_of_it(method: str) -> None:
    order = sweep(method, MIXED)

    assert searched(order, count=20) == searched(order, count=20, lag=7)
    assert searcher_for(order).suggest(17) == searched(order, count=20)[17]


def test_another_parameter_does_not_change_random_values_of_the_others() -> None:
    few = sweep("random", Space(dimensions=MIXED.dimensions[:2]))
    more = sweep("random", Space(dimensions=(MIXED.dimensions[4], *MIXED.dimensions[:2])))

    for params, wider in zip(searched(few, count=10), searched(more, count=10), strict=True):
        assert params.items() <= wider.items()


@pytest.mark.parametrize("dimensions", [1, 2, 6])
def test_quasi_random_points_fill_every_part_of_the_range(dimensions: int) -> None:
    names = [f"x{index}" for index in range(dimensions)]
    space = Space(dimensions=tuple(Dimension(name=n, domain=Range(minimum=0, maximum=1)) for n in names))
    points = searched(sweep("quasi_random", space), count=64)

    for name in names:
        parts = {int(float(params[name]) * 8) for params in points}
        assert parts == set(range(8))


def test_quasi_random_points_are_of_lower_discrepancy_than_random_ones() -> None:
    from scipy.stats import qmc

    names = [f"x{index}" for index in range(5)]
    space = Space(dimensions=tuple(Dimension(name=n, domain=Range(minimum=0, maximum=1)) for n in names))

    def discrepancy(method: str, seed: int) -> float:
        points = searched(sweep(method, space, seed=seed), count=128)
        return float(qmc.discrepancy([[float(p[n]) for n in names] for p in points]))

    assert max(discrepancy("quasi_random", s) for s in range(5)) < min(
        discrepancy("random", s) for s in range(5)
    )


def test_tpe_begins_at_random_until_enough_trials_are_over_however_many_run() -> None:
    # hyperopt counts running trials: with 20 workers its 21st suggestion is "learned" from nothing.
    order = sweep("tpe", MIXED, max_trials=100)
    at_random = searched(sweep("random", MIXED, engine="hyperopt", max_trials=100), count=30)

    assert searched(order, count=30, lag=25) == at_random
    assert searched(order, count=30)[:20] == at_random[:20]
    assert searched(order, count=30)[20:] != at_random[20:]


def test_a_third_of_a_small_sweep_begins_at_random() -> None:
    at_random = searched(sweep("random", MIXED, engine="hyperopt"), count=12)
    points = searched(sweep("tpe", MIXED, max_trials=12), count=12)

    assert points[:4] == at_random[:4]
    assert points[4] != at_random[4]


@pytest.mark.parametrize("engine", ["hyperopt", "optuna"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_tpe_learns_to_avoid_where_trials_diverge(engine: str, value: float | None) -> None:
    space = Space(dimensions=(Dimension(name="x", domain=Range(minimum=0, maximum=1)),))
    searcher = searcher_for(sweep("tpe", space, engine=engine, max_trials=60))
    late = []
    for number in range(60):
        params = searcher.suggest(number)
        assert params is not None
        x = float(params["x"])
        searcher.add(number, params)
        failed = x > 0.5
        lost = Told(losses=None if value is None else (value,))
        searcher.tell(number, lost if failed else Told(losses=(abs(x - 0.3),)))
        late += [failed] if number >= 30 else []

    assert sum(late) < 12  # half of them at random


def test_failures_that_are_ignored_teach_nothing() -> None:
    ignoring = sweep("tpe", MIXED, on_failure="ignore")
    searcher, other = searcher_for(ignoring), searcher_for(ignoring)
    for number, params in enumerate(searched(ignoring, count=12)):
        searcher.add(number, params)
        failed = number % 3 == 0
        searcher.tell(number, Told(losses=None) if failed else told(1, params))
        if not failed:
            other.add(number, params)
            other.tell(number, told(1, params))

    assert searcher.suggest(12) == other.suggest(12)


def test_the_search_is_the_same_in_every_process() -> None:
    script = (
        "import json; from tests.runner.search.spaces import *; print(json.dumps("
        "[searched(sweep(space=MIXED, **options), count=16, lag=2) for options in METHODS]))"
    )

    def run(hash_seed: str) -> Any:
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        root = Path(__file__).resolve().parents[3]
        done = subprocess.run(
            [sys.executable, "-c", script], env=environ, cwd=root, capture_output=True, check=True
        )
        return json.loads(done.stdout)

    assert run("1") == run("2")


values = st.one_of(
    st.booleans(), st.integers(-3, 3), st.text("ab '\"", max_size=3), st.sampled_from([0.1, 1e-5])
)
numbers = st.floats(-1e3, 1e3).map(lambda number: round(number, 4))


@st.composite
def domains(draw: st.DrawFn) -> Choice | Range | Normal:
    kind = draw(st.sampled_from(["choice", "range", "log", "step", "integer", "normal"]))
    if kind == "choice":
        chosen = draw(st.lists(values, min_size=1, max_size=4, unique_by=lambda v: (type(v), v)))
        weights = draw(st.none() | st.just(tuple(1 / len(chosen) for _ in chosen)))
        return Choice(values=tuple(chosen), probabilities=weights)
    if kind == "normal":
        step = draw(st.none() | st.sampled_from([0.1, 0.5, 2.0]))
        return Normal(
            mean=draw(st.floats(-3, 3)), deviation=draw(st.floats(0.1, 3)), log=draw(st.booleans()), step=step
        )
    low = draw(st.floats(1e-4, 10).map(lambda number: round(number, 4)) if kind == "log" else numbers)
    if kind == "integer":
        log = low >= 1 and draw(st.booleans())
        return Range(minimum=round(low), maximum=round(low) + draw(st.integers(0, 40)), integer=True, log=log)
    high = low + draw(st.floats(0.01, 100).map(lambda number: round(number, 3)))
    step = draw(st.sampled_from([0.1, 0.25, 3.0])) if kind == "step" else None
    return Range(minimum=low, maximum=high, log=kind == "log", step=step)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    found = list[Dimension]()
    for index in range(draw(st.integers(1, 4))):
        when: tuple[tuple[str, tuple[Value, ...]], ...] = ()
        parents = [d for d in found if (d.domain.points() or ()) != ()]
        is_conditional: bool = draw(st.booleans())
        if parents and is_conditional:
            parent = draw(st.sampled_from(parents))
            points = list(parent.domain.points() or ())[:3]
            when = ((parent.name, tuple(draw(st.lists(st.sampled_from(points), min_size=1, max_size=2)))),)
        found.append(Dimension(name=f"p{index}", domain=draw(domains()), when=when))
    return Space(dimensions=tuple(found))


@given(space=spaces())
def test_the_size_of_a_space_is_the_number_of_its_trials(space: Space) -> None:
    if space.size is None:
        assert not space.is_finite
    else:
        assert space.size == sum(1 for _ in space.grid())


def test_the_size_of_a_large_space_is_known_at_once() -> None:
    thousand = Range(minimum=1, maximum=1000, integer=True)
    large = Space(dimensions=tuple(Dimension(name=f"p{n}", domain=thousand) for n in range(9)))
    assert large.size == 10**27


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(space=spaces(), options=st.sampled_from(METHODS))
def test_any_space_can_be_searched_by_any_method(space: Space, options: dict[str, Any]) -> None:
    points = searched(sweep(space=space, **options, max_trials=9), count=9, lag=1)

    assert all(space.includes(params) for params in points)
    if space.is_finite:
        assert len({str(sorted(params.items())) for params in points}) == len(points)
        assert len(points) == min(9, sum(1 for _ in zip(space.grid(), range(9), strict=False)))
    else:
        assert len(points) == 9


@pytest.mark.parametrize(
    "method",
    ["adaptive_tpe", pytest.param("gaussian_process", marks=pytest.mark.engine)],  # PyTorch is gigabytes
)
def test_slow_methods_keep_their_promises_too(method: str) -> None:
    if method == "gaussian_process":
        pytest.importorskip("torch")
    order = sweep(method, MIXED, max_trials=6)
    points = searched(order, count=5, lag=1)
    resumed = searcher_for(order)
    replay(resumed, points[:4], lag=1)

    assert all(MIXED.includes(params) for params in points)
    assert resumed.suggest(4) == points[4]
