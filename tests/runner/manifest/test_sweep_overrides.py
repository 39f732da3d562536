"""`--sweep NAME=VALUE` and `-P NAME=VALUE`."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import RequestError
from runner.manifest.load import load
from runner.manifest.sweeps.overrides import overridden
from runner.model.space import Choice, Range
from runner.model.sweep import EarlyStop, Sweep

PROJECT = load(Path(__file__).resolve().parents[2] / "projects" / "sweeps", env_manager="local")
WHOLE = PROJECT.sweeps["whole"]
SHORT = PROJECT.sweeps["short"]


def changed(sweep: Sweep, *options: str, **parameters: str) -> Sweep:
    pairs = dict(option.split("=", 1) for option in options)
    return overridden(sweep, pairs, parameters=parameters, entry_points=PROJECT.entry_point)


def test_nothing_changes_without_options() -> None:
    again = changed(WHOLE)
    assert again == WHOLE
    assert (again.path, again.line) == (WHOLE.path, WHOLE.line)


def test_options_take_the_place_of_what_is_declared() -> None:
    sweep = changed(
        SHORT,
        "max_trials=50",
        "parallel=4",
        "metric.goal=maximize",
        "timeout=2h",
        "parameters.momentum.max=0.5",
    )
    assert (sweep.max_trials, sweep.parallel, sweep.trial_timeout_s) == (50, 4, 7200)
    assert sweep.objective.goal == "maximize"
    assert sweep.space["momentum"].domain == Range(minimum=0, maximum=0.5)
    assert sweep.space["learning_rate"] == SHORT.space["learning_rate"]


def test_an_option_may_be_a_whole_section() -> None:
    sweep = changed(SHORT, "early_terminate={type: asha, eta: 2}", "stop.target=1e-3", "warm_start=[a, b]")
    assert sweep.early_stop == EarlyStop(rule="asha", eta=2)
    assert sweep.stop.target == 0.001
    assert sweep.warm_start == ("a", "b")
    assert changed(WHOLE, "early_terminate=none").early_stop is None


def test_options_can_be_given_in_others_words() -> None:
    sweep = changed(SHORT, "n_trials=7", "method=bayes", "direction=max", "n_jobs=3")
    assert (sweep.max_trials, sweep.parallel, sweep.method) == (7, 3, "tpe")
    assert sweep.objective.goal == "maximize"


def test_metric_takes_the_place_of_metrics() -> None:
    several = changed(SHORT, "metrics=[{name: loss}, {name: size}]", "engine=optuna")
    assert [objective.metric for objective in several.objectives] == ["loss", "size"]
    assert changed(several, "metrics.1.goal=maximize").objectives[1].goal == "maximize"
    assert [objective.metric for objective in changed(several, "metric=size").objectives] == ["size"]


def test_a_parameter_that_is_given_is_not_searched() -> None:
    sweep = changed(SHORT, momentum="0.5", epochs="3")
    assert sweep.space.names == ("learning_rate",)
    assert sweep.fixed == {"momentum": "0.5", "epochs": "3"}


def test_a_given_value_settles_conditions_and_initial_points() -> None:
    sweep = changed(WHOLE, optimizer="adam")
    assert sweep.space.names == ("learning_rate", "epochs")
    assert [dict(point) for point in sweep.initial_points] == [{"learning_rate": 0.1, "epochs": 64}]
    always = changed(WHOLE, optimizer="sgd")
    assert always.space["momentum"].when == ()


def test_a_given_seed_is_the_seed_of_all_trials() -> None:
    sweep = changed(WHOLE, seed="3")
    assert sweep.trial_seed is None
    assert sweep.fixed["seed"] == "3"


def test_a_given_value_is_taken_as_it_is() -> None:
    assert changed(SHORT, layers='[1, "2"]').fixed["layers"] == '[1, "2"]'
    grid = changed(PROJECT.sweeps["grid"], epochs="4")
    assert grid.space["layers"].domain == Choice(values=("8", "16,8"))
    assert len(list(grid.space.grid())) == 6


@pytest.mark.parametrize(
    ("option", "message", "hint"),
    [
        (
            "max_trails=5",
            "--sweep max_trails: a sweep has no option 'max_trails'",
            "did you mean 'max_trials'?",
        ),
        ("max_trials=0", "--sweep max_trials=0: max_trials must be a whole number, 1 or more, not '0'", None),
        ("max_trials=", "--sweep max_trials= has no value", "write --sweep max_trials=VALUE"),
        ("max_trials={", "--sweep max_trials={: not valid YAML", None),
        ("max_trials=!!python/none x", "is not allowed here", "write plain values"),
        ("metric.gaol=maximize", "--sweep metric.gaol=maximize: 'gaol' is not a key of a metric", None),
        ("method=grid", "--sweep method=grid: a grid needs a list of values of learning_rate", None),
        ("metrics.3.goal=maximize", "--sweep metrics.3.goal=maximize", None),
        ("max_trials.x=3", "--sweep max_trials.x=3: max_trials must be a whole number", None),
        (
            "entry_point=trian",
            "--sweep entry_point=trian: there is no entry point 'trian'",
            "did you mean 'train'?",
        ),
    ],
)
def test_a_wrong_option_is_named(option: str, message: str, hint: str | None) -> None:
    with pytest.raises(RequestError) as caught:
        changed(SHORT, option)
    assert message in str(caught.value)
    assert hint is None or caught.value.hint == hint


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("momentm", "1", "-P momentm=1: entry point 'train' declares no parameter 'momentm'"),
        ("epochs", "many", "-P epochs=many: parameter 'epochs': 'many' is not an int"),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        changed(SHORT, **{name: value})
    assert message in str(caught.value)


def test_nothing_left_to_search_is_an_error() -> None:
    with pytest.raises(RequestError, match="searches nothing"):
        changed(SHORT, momentum="0.5", learning_rate="0.1")
