"""Which searcher a sweep gets, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ManifestError
from runner.model.space import Dimension, Range, Space
from runner.search import engines
from runner.search.engines import EngineMissing, check, searcher_for
from runner.search.options import OPTIONS, options_of
from tests.runner.search.spaces import MIXED, SMALL, WITH_NORMALS, sweep

REFERENCE = Path(__file__).resolve().parents[3] / "docs/reference/search-methods.md"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gama": 0.5}, "no option 'gama'"),
        ({"gamma": "much"}, "gamma must be a number of at least 1e-09, not 'much'"),
        ({"gamma": 0}, "gamma must be"),
        ({"n_startup_trials": -1}, "n_startup_trials must be a whole number of at least 0, not -1"),
        ({"n_startup_trials": 2.5}, "n_startup_trials must be a whole number"),
        ({"n_startup_trials": True}, "n_startup_trials must be a whole number"),
        ({"allow_duplicates": 1}, "allow_duplicates must be true or false, not 1"),
    ],
)
def test_an_option_that_will_not_do_is_named_with_its_place(options: dict[str, Any], message: str) -> None:
    order = sweep("tpe", MIXED, engine_options=options, path=Path("MLproject"), line=7)

    with pytest.raises(ManifestError) as caught:
        searcher_for(order)

    assert message in str(caught.value)
    assert str(caught.value).startswith("MLproject:7: ")
    assert caught.value.key == f"sweeps.searched.engine_options.{next(iter(options))}"


def test_a_typo_of_an_option_is_pointed_out() -> None:
    with pytest.raises(ManifestError) as caught:
        check(sweep("tpe", MIXED, engine_options={"n_ei_candidate": 5}))

    assert caught.value.hint == "did you mean 'n_ei_candidates'?"


def test_an_option_of_the_other_engine_is_pointed_out() -> None:
    with pytest.raises(ManifestError) as caught:
        check(sweep("tpe", MIXED, engine_options={"multivariate": True}))

    assert caught.value.hint == "it is an option of engine: optuna"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (sweep("anneal", MIXED, engine="optuna"), "engine optuna has no method anneal"),
        (sweep("tpe", MIXED, engine="hyperopt", objectives=2), "has one metric, and 2 are declared"),
        (sweep("cma_es", MIXED, objectives=2), "has one metric, and 2 are declared"),
        (sweep("grid", MIXED), "a grid needs a list of values of learning_rate"),
        (sweep("adaptive_tpe", WITH_NORMALS), "adaptive_tpe knows no probabilities"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_starts(order: Any, words: str) -> None:
    with pytest.raises(ManifestError, match=words) as caught:
        searcher_for(order)

    assert caught.value.hint


def test_several_metrics_are_searched_by_optuna() -> None:
    assert check(sweep("tpe", MIXED, objectives=2)) == "optuna"
    assert check(sweep("tpe", MIXED)) == "hyperopt"


def test_a_missing_engine_is_said_with_the_command_that_brings_it() -> None:
    # In an interpreter that finds nothing but the standard library and us.
    script = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p];"
        "from tests.runner.search.spaces import *; from runner.search.engines import EngineMissing\n"
        "try: searcher_for(sweep('tpe', MIXED))\n"
        "except EngineMissing as error: print(error, '|', error.hint)\n"
        "print(searched(sweep('random', SMALL), count=2), searched(sweep('quasi_random', SMALL), count=2))"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, check=True, text=True
    )

    assert (
        "method tpe needs the package hyperopt, which is not installed | pip install 'runner[tpe]'"
        in done.stdout
    )
    assert done.stdout.count("'a'") == 4


def test_built_in_searchers_import_no_engine() -> None:
    script = (
        "import sys; from tests.runner.search.spaces import *; searched(sweep('random', SMALL), count=3);"
        "searched(sweep('grid', SMALL), count=3); searched(sweep('quasi_random', SMALL), count=3);"
        "print(sorted({'hyperopt', 'optuna', 'numpy', 'scipy', 'cmaes'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == "[]"


def test_an_engine_that_is_missing_is_a_provision_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "torch" else object())

    with pytest.raises(EngineMissing, match="needs the package torch") as caught:
        searcher_for(sweep("gaussian_process", MIXED))

    assert caught.value.exit_code == 3
    assert "runner[gaussian-process]" in str(caught.value.hint)


def test_the_random_beginning_is_a_third_of_small_sweeps_and_the_engines_own_otherwise() -> None:
    def startup(**options: Any) -> object:
        order = sweep("tpe", MIXED, **options)
        return options_of(order, check(order))["n_startup_trials"]

    assert startup(max_trials=12) == 4
    assert startup(max_trials=500) == 20
    assert startup(max_trials=500, engine="optuna") == 10
    assert startup(max_trials=12, engine_options={"n_startup_trials": 9}) == 9


def test_every_method_and_option_is_in_the_reference() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    for (method, engine), known in OPTIONS.items():
        assert f"`{method}`" in page
        assert f"`{engine}`" in page
        for name in known:
            assert f"`{name}`" in page, name


def test_a_space_of_constants_has_one_point() -> None:
    space = Space(dimensions=(Dimension(name="x", domain=Range(minimum=2, maximum=2, integer=True)),))
    for method in ("random", "grid", "tpe"):
        searcher = searcher_for(sweep(method, space))
        assert searcher.suggest(0) == {"x": 2}
        searcher.add(0, {"x": 2})
        assert searcher.suggest(1) is None


def test_points_that_are_equal_but_not_the_same_are_all_tried() -> None:
    from runner.model.space import Choice

    space = Space(dimensions=(Dimension(name="x", domain=Choice(values=(1, True, 1.0, "1"))),))
    for method in ("random", "grid", "tpe"):
        searcher = searcher_for(sweep(method, space))
        found = list[object]()
        while (params := searcher.suggest(len(found))) is not None:
            searcher.add(len(found), params)
            found.append(params["x"])
        assert sorted(map(repr, found)) == ["'1'", "1", "1.0", "True"]


def test_the_small_space_is_small() -> None:
    assert len(list(SMALL.grid())) == 7
