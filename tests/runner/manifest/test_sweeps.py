"""A sweep as it is written -> a sweep as it is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.manifest.load import load
from runner.model.space import Choice, Domain, Normal, Range
from runner.model.sweep import (
    Baseline,
    Constraint,
    EarlyStop,
    Objective,
    Repeats,
    Resources,
    Retries,
    StopWhen,
    TrialSeed,
)
from tests.runner.manifest.sweep_text import errors, judged, notes, read, searching

PROJECTS = Path(__file__).resolve().parents[2] / "projects"


def test_every_field_is_read() -> None:
    sweep = load(PROJECTS / "sweeps", env_manager="local").sweeps["whole"]
    assert (sweep.name, sweep.entry_point, sweep.description) == (
        "whole",
        "train",
        "every field that there is",
    )
    assert (sweep.method, sweep.engine) == ("tpe", "optuna")
    assert sweep.engine_options == {"n_startup_trials": 5, "multivariate": False}
    assert sweep.objective == Objective(metric="loss", goal="minimize", mode="min")
    assert sweep.constraints == (
        Constraint(metric="memory", maximum=1.1, relative_to_baseline=True),
        Constraint(metric="size", minimum=1, maximum=1000),
    )
    assert sweep.space.names == ("optimizer", "momentum", "learning_rate", "epochs")
    assert sweep.space["optimizer"].domain == Choice(values=("sgd", "adam"), probabilities=(0.25, 0.75))
    assert sweep.space["momentum"].when == (("optimizer", ("sgd",)),)
    assert sweep.space["learning_rate"].domain == Normal(mean=-3, deviation=1.5, log=True)
    assert sweep.space["epochs"].domain == Range(minimum=1, maximum=64, log=True, integer=True)
    assert (sweep.max_trials, sweep.parallel, sweep.seed) == (500, 8, 7)
    assert sweep.early_stop == EarlyStop(
        rule="hyperband", metric="val_loss", min_step=1, max_step=81, eta=3, brackets=5, min_trials=5
    )
    assert sweep.stop == StopWhen(
        target=0.05,
        no_improvement_trials=100,
        max_time_s=5400,
        max_failed_trials=50,
        max_failure_rate=0.2,
    )
    assert sweep.retries == Retries(limit=3, on=frozenset({"lost", "out_of_memory"}))
    assert (sweep.trial_timeout_s, sweep.on_failure) == (90, "baseline")
    assert sweep.trial_seed == TrialSeed(parameter="seed", mode="per_trial")
    assert sweep.baseline == Baseline(parameters={"epochs": "0"}, cap=True)
    assert sweep.initial_points == (
        {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01, "epochs": 8},
        {"optimizer": "adam", "learning_rate": 0.1, "epochs": 64},
    )
    assert sweep.warm_start == ("short", "0123456789abcdef0123456789abcdef")
    assert sweep.reuse_finished
    assert sweep.resources == Resources(cpus=2, gpus=1, memory_bytes=1536 * 2**20)
    assert not sweep.warm


def test_a_grid_needs_no_number_of_trials() -> None:
    sweep = load(PROJECTS / "sweeps", env_manager="local").sweeps["grid"]
    assert sweep.max_trials is None
    assert sweep.fixed == {"optimizer": "adam"}
    assert len(list(sweep.space.grid())) == 3 * 3 * 2
    assert sweep.space["layers"].domain == Choice(values=("8", "16,8"))
    assert sweep.repeats == Repeats(count=3, aggregate="median")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lr: [1, 2]", Choice(values=(1.0, 2.0))),
        ("lr: [1e-3, 1e-2]", Choice(values=(0.001, 0.01))),
        ("depth: [1, 2.0]", Choice(values=(1, 2))),
        ("kind: [1e-3, a b, true, 3]", Choice(values=("1e-3", "a b", True, 3))),
        ("fast: [true, 'no']", Choice(values=(True, False))),
        ("sizes: {values: [[1, 2], [3]]}", Choice(values=("1,2", "3"))),
        ("lr: {min: 0, max: 1}", Range(minimum=0, maximum=1)),
        ("lr: {min: 1e-5, max: 1e-1, log: true}", Range(minimum=1e-5, maximum=0.1, log=True)),
        ("depth: {min: 1, max: 9}", Range(minimum=1, maximum=9, integer=True)),
        ("depth: {min: 1, max: 9, step: 4}", Range(minimum=1, maximum=9, step=4, integer=True)),
        ("kind: {min: 1, max: 9}", Range(minimum=1, maximum=9, integer=True)),
        ("kind: {min: 1, max: 9, type: float}", Range(minimum=1, maximum=9)),
        ("kind: {min: 1, max: 9.5}", Range(minimum=1, maximum=9.5)),
        ("lr: {mu: 1, sigma: 2, step: 0.5}", Normal(mean=1, deviation=2, step=0.5)),
        ("lr: {sigma: 1, log: true}", Normal(mean=0, deviation=1, log=True)),
    ],
)
def test_values_have_the_type_that_the_entry_point_declares(written: str, meant: Domain) -> None:
    (dimension,) = searching(written).space.dimensions
    assert dimension.domain == meant
    if isinstance(meant, Choice):
        assert isinstance(dimension.domain, Choice)
        assert [type(value) for value in dimension.domain.values] == [type(value) for value in meant.values]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("depth: 3", "3"),
        ("lr: 1e-3", "1e-3"),
        ("lr: {value: 0.5}", "0.5"),
        ("kind: yes", "True"),
        ("kind: 'a b $c'", "a b $c"),
        ("sizes: {value: [1, 2]}", "1,2"),
    ],
)
def test_one_value_is_fixed_as_it_is_written(written: str, text: str) -> None:
    sweep = searching(f"momentum: [0, 1], {written}")
    assert list(sweep.fixed.values()) == [text]
    assert sweep.space.names == ("momentum",)


def test_a_parameter_stands_behind_those_that_it_waits_for() -> None:
    sweep = searching(
        "lr: {min: 0, max: 1, when: {depth: [2, 3]}}, depth: {min: 1, max: 3, when: {kind: tree}}, "
        "kind: [tree, line], momentum: {value: 0.5, when: {kind: line}}"
    )
    assert sweep.space.names == ("kind", "depth", "lr", "momentum")
    assert sweep.space["lr"].when == (("depth", (2, 3)),)
    assert sweep.space["momentum"].domain == Choice(values=(0.5,))


def test_a_condition_on_a_fixed_parameter_is_settled_at_once() -> None:
    sweep = searching(
        "kind: tree, lr: {min: 0, max: 1, when: {kind: [tree, bush]}}, "
        "depth: {min: 1, max: 3, when: {kind: line}}, momentum: {min: 0, max: 1, when: {depth: 1}}"
    )
    assert sweep.space.names == ("lr",)
    assert sweep.space["lr"].when == ()


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("{}", "must be a map of parameters and values"),
        ("{kind: []}", "must be a map of parameters and values"),
        ("tree", "when must be a map"),
        ("{lr: 0.5}", "which is continuous"),
        ("{seed: 1}", "which is given each trial's seed"),
    ],
)
def test_a_condition_that_means_nothing_is_an_error(when: str, message: str) -> None:
    found = errors(
        f"{{metric: loss, max_trials: 2, trial_seed: seed, parameters: {{lr: {{min: 0, max: 1}}, kind: [a, b], "
        f"depth: {{values: [1, 2], when: {when}}}}}}}"
    )
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            "parameters: {lr: {values: [1], probabilities: [0.5, 0.5]}}",
            "'lr' has 1 values and 2 probabilities",
        ),
        ("parameters: {lr: [1, 1.0]}", "the value '1.0' of 'lr' is there twice"),
        ("parameters: {lr: {min: .inf, max: 1}}", "min must be a number, not '.inf'"),
        ("parameters: {lr: {mu: 0, sigma: 0}}", "sigma must be more than 0, not 0"),
        ("parameters: {lr: {mu: 999, sigma: 1, log: true}}", "the values of 'lr' are beyond any number"),
        ("parameters: {lr: {mu: 0}}", "'lr' has mu, but no sigma"),
        ("parameters: {depth: {mu: 0, sigma: 1}}", "normal values have fractions"),
        ("parameters: {depth: {min: 1, max: 2, type: float}}", "declared as an int by the entry point"),
        ("parameters: {depth: {min: 0.5, max: 2}}", "whole numbers need a whole min, max and step"),
        ("parameters: {lr: {max: 2}}", "a range of 'lr' has no min"),
        ("parameters: {lr: }", "parameter 'lr' must be a value, not nothing"),
        ("parameters: {lr: {value: [1]}}", "declared as a float by the entry point, not as a list"),
        ("parameters: {depth: x}", "parameter 'depth': 'x' is not an int"),
        ("parameters: {lr: 1}", "sweep 's' searches nothing"),
        ("constraints: []", "constraints must be a list of maps"),
        ("metrics: [{name: a}]", "metric and metrics are both there"),
        ("constraints: [{metric: a}]", "a constraint has neither min nor max"),
        ("constraints: [{metric: a, min: 2, max: 1}]", "no value of 'a' is between 2 and 1"),
        ("constraints: [{metric: a, max: 1, relative_to: baseline}]", "there is no baseline"),
        ("early_terminate: {type: median, eta: 3}", "median has no eta"),
        ("early_terminate: target", "early_terminate of type target has no target"),
        (
            "early_terminate: {type: asha, min_iter: 9, max_iter: 9}",
            "max_iter 9 must be more than min_iter 9",
        ),
        ("early_terminate: {type: asha, min_iter: 0}", "asha needs a min_iter of 1 or more"),
        ("early_terminate: {type: percentile, percentile: 101}", "percentile must be between 0 and 100"),
        ("repeats: {top_k: 3}", "top_k says which trials are repeated, but not how often"),
        ("stop: {max_failure_rate: 2}", "max_failure_rate must be between 0 and 1, not 2"),
        ("stop: {max_time: 0}", "max_time must be more than no time at all, not 0"),
        ("resources: {memory: 0G}", "memory must be more than nothing, not 0G"),
        ("baseline: {parameters: {depth: x}}", "'x' is not an int"),
        ("baseline: {parameters: {dpth: 1}}", "entry point 'main' declares no parameter 'dpth'"),
        ("trial_seed: fast", "'fast' is a bool, and a seed is a whole number"),
        ("trial_seed: sed", "entry point 'main' declares no parameter 'sed'"),
        ("initial_points: [{lr: 0.5, depth: 1}]", "depth is not searched"),
        ("initial_points: [{lr: 5}]", "lr must be between 0 and 1, not 5"),
        ("engine_options: {gamma: [1]}", "gamma must be a number, true, false, or a word"),
        ("engine_options: {gamma: high}", "gamma must be a number"),
        ("max_trials: 2.5", "max_trials must be a whole number, 1 or more, not '2.5'"),
        ("max_trials: 99999999999999999999", "max_trials must be a whole number"),
        ("seed: -1", "seed must be a whole number, 0 or more"),
    ],
)
def test_what_is_wrong_is_said(field: str, message: str) -> None:
    whole = {
        "metric": "metric: loss",
        "parameters": "parameters: {lr: {min: 0, max: 1}}",
        "max_trials": "max_trials: 3",
    }
    whole[field.partition(":")[0]] = field
    found = errors("\n".join(whole.values()))
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "{max_trials: 9, parameters: {depth: [1, 2], kind: [a, b]}}",
            "there are at most 4 different trials",
        ),
        ("{max_trials: 3, parallel: 4, parameters: {lr: {min: 0, max: 1}}}", "parallel is 4"),
        (
            "{max_trials: 3, repeats: 2, parameters: {lr: {min: 0, max: 1}}}",
            "all repeats of a trial get the same",
        ),
        (
            "{max_trials: 3, parameters: {lr: {min: 0, max: 1}}, trial_seed: {parameter: seed, mode: per_repeat}}",
            "mode per_repeat without repeats is one seed",
        ),
        ("{max_trials: 3, parameters: {momentum: {sigma: 1}}}", "the entry point gives it limits"),
        (
            "{max_trials: 1, parameters: {lr: {min: 0, max: 1}}, initial_points: [{lr: 0}, {lr: 1}]}",
            "of 2 initial points only 1 are tried",
        ),
        (
            "{max_trials: 3, parameters: {kind: tree, depth: [1, 2, 3], lr: {min: 0, max: 1, when: {kind: line}}}}",
            "'lr' never matters and is left out",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(fields: str, message: str) -> None:
    (found,) = notes(f"{{metric: loss, {fields[1:]}")
    assert message in found


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("0.5", 0.5), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5d", 129600)],
)
def test_durations(written: str, seconds: float) -> None:
    assert searching("lr: {min: 0, max: 1}", f"max_trials: 2, timeout: {written}").trial_timeout_s == seconds


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("1024", 1024), ("512k", 2**19), ("1M", 2**20), ("1.5 GiB", 3 * 2**29), ("2TB", 2**41), ('"7"', 7)],
)
def test_sizes(written: str, size_bytes: int) -> None:
    sweep = searching("lr: {min: 0, max: 1}", f"max_trials: 2, resources: {{memory: {written}}}")
    assert sweep.resources.memory_bytes == size_bytes


def test_a_sweep_that_is_compared_with_no_entry_point_takes_any_parameter() -> None:
    sweep, problems = judged(
        "{metric: loss, parameters: {x: {min: 0, max: 1.5}}, max_trials: 2}", declared=False
    )
    assert problems == []
    assert sweep is not None
    assert sweep.space["x"].domain == Range(minimum=0, maximum=1.5)


def test_a_script_takes_any_parameter(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(
        "sweeps: {s: {entry_point: train.py, metric: loss, parameters: {x: {min: 0, max: 1}}, max_trials: 2}}"
    )
    (tmp_path / "train.py").write_text("import sys\n")
    project = load(tmp_path, env_manager="local")
    assert project.sweeps["s"].space.names == ("x",)
    assert project.warnings == ()


def test_a_name_that_a_sweep_shares_with_an_entry_point_is_noted(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(
        "entry_points: {main: {command: 'x {lr}', parameters: {lr: float}}}\n"
        "sweeps: {main: {metric: loss, parameters: {lr: {min: 0, max: 1}}, max_trials: 2}}"
    )
    project = load(tmp_path, env_manager="local")
    (warning,) = project.warnings
    assert "'main' is a sweep and an entry point" in warning
    assert "--entry-point-only" in warning
    assert list(project.sweeps) == ["main"]


def test_rules_can_be_named_alone() -> None:
    more = "max_trials: 3, retries: 0, early_terminate: "
    assert searching("lr: [1, 2, 3]", more + "median").early_stop == EarlyStop(rule="median")
    assert searching("lr: [1, 2, 3]", more + "none").early_stop is None
    assert searching("lr: [1, 2, 3]", more + "none").retries.limit == 0


def test_any_cause_can_be_retried_but_what_a_person_stopped() -> None:
    on = read("{metric: loss, parameters: {lr: [1, 2]}, max_trials: 2, retries: {on: any}}").retries.on
    assert "crashed" in on
    assert "stopped" not in on
