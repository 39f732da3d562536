"""What other tools call it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runner.manifest.load import load
from runner.model.space import Choice, Domain, Normal, Range
from runner.model.sweep import EarlyStop, Objective, Resources
from tests.runner.manifest.sweep_text import errors, notes, searching

PROJECTS = Path(__file__).resolve().parents[2] / "projects"
SWEEPS = load(PROJECTS / "sweeps-in-other-words", env_manager="local").sweeps


def test_a_file_of_wandb_is_understood() -> None:
    sweep = SWEEPS["wandb"]
    assert (sweep.method, sweep.max_trials) == ("tpe", 30)
    assert [dimension.domain for dimension in sweep.space.dimensions] == [
        Range(minimum=1e-5, maximum=0.1, log=True),
        Range(minimum=0, maximum=1),
        Range(minimum=8, maximum=64, step=8, integer=True),
        Choice(values=("sgd", "adam")),
    ]
    assert sweep.early_stop == EarlyStop(rule="hyperband", min_step=3, max_step=27, brackets=3)


def test_an_experiment_of_katib_is_understood() -> None:
    sweep = SWEEPS["katib"]
    assert sweep.objectives == (Objective(metric="accuracy", goal="maximize", target=0.99),)
    assert (sweep.method, sweep.max_trials, sweep.parallel) == ("random", 12, 3)
    assert sweep.stop.max_failed_trials == 3
    assert [dimension.domain for dimension in sweep.space.dimensions] == [
        Range(minimum=0.01, maximum=0.05, log=True),
        Range(minimum=8, maximum=64, step=8, integer=True),
        Choice(values=("sgd", "adam")),
    ]
    assert sweep.early_stop == EarlyStop(rule="median", min_step=5, min_trials=4)


def test_words_of_optuna_are_understood() -> None:
    sweep = SWEEPS["optuna"]
    assert (sweep.method, sweep.max_trials, sweep.parallel) == ("tpe", 20, 2)
    assert sweep.objective == Objective(metric="loss", goal="maximize")
    assert sweep.engine_options == {"n_startup_trials": 4}
    assert sweep.space["lr"].domain == Range(minimum=1e-5, maximum=0.1, log=True)
    assert sweep.space["optimizer"].domain == Choice(values=("sgd", "adam"))
    assert sweep.early_stop == EarlyStop(rule="asha", min_step=2, eta=4)
    assert sweep.initial_points == ({"lr": 0.01, "optimizer": "sgd"},)


def test_words_of_ray_are_understood() -> None:
    sweep = SWEEPS["ray"]
    assert sweep.objective == Objective(metric="loss", goal="minimize")
    assert (sweep.max_trials, sweep.parallel, sweep.retries.limit) == (10, 4, 3)
    assert sweep.early_stop == EarlyStop(rule="asha", min_step=2, max_step=100)
    assert sweep.resources == Resources(cpus=2, gpus=1)
    assert sweep.space["lr"].domain == Range(minimum=0, maximum=1, step=0.25)


def test_words_of_hydra_and_hyperopt_are_understood() -> None:
    sweep = SWEEPS["hydra"]
    assert (sweep.method, sweep.max_trials) == ("random", 10)
    assert (sweep.stop.target, sweep.stop.max_failure_rate) == (0.1, 0.5)
    assert [dimension.domain for dimension in sweep.space.dimensions] == [
        Range(minimum=0.001, maximum=0.1, log=True),
        Range(minimum=8, maximum=64, integer=True),
        Choice(values=("sgd", "adam")),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("kind: {distribution: int_uniform, min: 1, max: 4}", Range(minimum=1, maximum=4, integer=True)),
        ("kind: {distribution: uniform, min: 1, max: 4}", Range(minimum=1, maximum=4)),
        ("lr: {distribution: q_uniform, min: 0, max: 4}", Range(minimum=0, maximum=4, step=1)),
        (
            "lr: {distribution: log_uniform, min: -2, max: 0}",
            Range(minimum=math.exp(-2), maximum=1, log=True),
        ),
        (
            "depth: {distribution: q_log_uniform_values, min: 2, max: 64, q: 2}",
            Range(minimum=2, maximum=64, step=2, log=True, integer=True),
        ),
        ("lr: {distribution: normal}", Normal(mean=0, deviation=1)),
        ("lr: {distribution: q_normal, mu: 2, sigma: 3}", Normal(mean=2, deviation=3, step=1)),
        ("lr: {distribution: log_normal, mean: 2, std: 3}", Normal(mean=2, deviation=3, log=True)),
        ("kind: {distribution: categorical, values: [a, b]}", Choice(values=("a", "b"))),
        (
            "kind: {distribution: categorical_w_probabilities, values: [a, b], probabilities: [0.5, 0.5]}",
            Choice(values=("a", "b"), probabilities=(0.5, 0.5)),
        ),
        (
            "kind: {distribution: pchoice, options: [a, b], probs: [0.5, 0.5]}",
            Choice(values=("a", "b"), probabilities=(0.5, 0.5)),
        ),
        ("kind: {type: categorical, choices: [a, b]}", Choice(values=("a", "b"))),
        ("kind: {type: integer, low: 1, high: 3}", Range(minimum=1, maximum=3, integer=True)),
    ],
)
def test_distributions_are_understood_with_a_note(written: str, meant: Domain) -> None:
    sweep = searching(written, "max_trials: 2")
    assert [dimension.domain for dimension in sweep.space.dimensions] == [meant]
    assert notes(f"{{metric: loss, max_trials: 2, parameters: {{{written}}}}}")


def test_a_constant_distribution_is_a_fixed_value() -> None:
    assert searching("lr: [1, 2, 3], depth: {distribution: constant, value: 3}").fixed == {"depth": "3"}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("lr: {distribution: loguniform, min: 1e-5, max: 1}", "logarithms in hyperopt and values in Ray"),
        ("depth: {distribution: randint, min: 1, max: 3}", "leaves its upper bound out in some tools"),
        ("depth: 'range(1, 5)'", "leaves its end out in some tools"),
        ("lr: {distribution: beta, alpha: 1, beta: 2}", "the distribution 'beta' of 'lr' is not known here"),
        ("lr: {distribution: log_uniform, min: 0, max: 1000}", "exp(1000) of 'lr' is no number"),
        ("kind: {distribution: pchoice, values: [a, b]}", "this distribution of 'kind' needs probabilities"),
    ],
)
def test_what_means_different_things_elsewhere_is_refused(written: str, message: str) -> None:
    found = errors(f"{{metric: loss, max_trials: 3, parameters: {{{written}}}}}")
    assert any(message in text for text in found)


def test_logarithms_as_bounds_are_pointed_out() -> None:
    text = "{metric: loss, max_trials: 3, parameters: {lr: {distribution: log_uniform, min: -5, max: 0}}}"
    assert "the bounds of `log_uniform` are logarithms; if they are values, write log: true" in notes(text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("max_trials: 3, run_cap: 4", "run_cap means max_trials, and both are there"),
        ("max_trials: 3, stop: {target: 1}, loss_threshold: 2", "loss_threshold means stop.target"),
    ],
)
def test_two_words_for_one_thing_are_an_error(fields: str, message: str) -> None:
    (found,) = errors(f"{{metric: loss, parameters: {{lr: {{min: 0, max: 1}}}}, {fields}}}")
    assert message in found


def test_our_own_words_have_no_notes() -> None:
    assert load(PROJECTS / "sweeps", env_manager="local").warnings == ()


def test_a_failing_trial_may_end_the_sweep_in_the_words_of_guild() -> None:
    assert searching("lr: {min: 0, max: 1}", "max_trials: 3, fail-on-trial-error: true").on_failure == "abort"
