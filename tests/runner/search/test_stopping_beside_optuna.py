"""The same curves give the same decisions as Optuna's pruners, where both mean the same.

Where they differ on purpose: docs/explanation/early-stopping.md.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.sweep import EarlyStop, Goal
from runner.search.stopping.halving import HalvingRule
from runner.search.stopping.protocol import StoppingRule
from runner.search.stopping.rungs import bracket_count, bracket_weights
from tests.runner.search.learning_curves import GOALS, log, rule, tables, values

both_goals = pytest.mark.parametrize("goal", GOALS)
optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(pruner: optuna.pruners.BasePruner, goal: Goal) -> optuna.Study:
    return optuna.create_study(direction=goal, pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))


def decisions(
    table: list[list[float]],
    ours: StoppingRule,
    theirs: optuna.Study,
    order: random.Random,
    numbers: Sequence[int] = range(100),
) -> None:
    """All trials run side by side, each value judged as it comes, in any order; a stopped trial logs no more.

    `numbers` are those that the trials have with us.
    """
    trials = [theirs.ask() for _ in table]
    at = [0] * len(table)
    running = set(range(len(table)))
    while running:
        place = order.choice(sorted(running))
        value = table[place][at[place]]
        at[place] += 1
        trials[place].report(value, at[place])
        stopped = trials[place].should_prune()

        assert (log(ours, numbers[place], at[place], value) is not None) == stopped, (place, at[place])

        if stopped or at[place] == len(table[place]):
            running.discard(place)


@both_goals
@settings(max_examples=60)
@given(
    table=tables(trials=12, steps=20),
    eta=st.integers(2, 4),
    min_step=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_asha(goal: Goal, table: list[list[float]], eta: int, min_step: int, seed: int) -> None:
    theirs = study(optuna.pruners.SuccessiveHalvingPruner(min_resource=min_step, reduction_factor=eta), goal)
    ours = rule(EarlyStop(rule="asha", eta=eta, min_step=min_step, min_trials=0), goal=goal)

    decisions(table, ours, theirs, random.Random(seed))


@settings(max_examples=40)
@given(table=tables(trials=9, steps=30), bracket=st.integers(0, 2), seed=st.integers(0, 1000))
def test_each_bracket_of_hyperband(table: list[list[float]], bracket: int, seed: int) -> None:
    theirs = study(
        optuna.pruners.SuccessiveHalvingPruner(
            min_resource=2, reduction_factor=3, min_early_stopping_rate=bracket
        ),
        "minimize",
    )
    ours = rule(EarlyStop(rule="hyperband", eta=3, min_step=2, brackets=3, min_trials=0))
    assert isinstance(ours, HalvingRule)
    numbers = [number for number in range(100) if ours.bracket(number) == bracket]
    others = [number for number in range(30) if ours.bracket(number) != bracket]
    for number in others:
        ours.observe(number, enumerate([-999.0] * 30, start=1))

    decisions(table, ours, theirs, random.Random(seed), numbers)


@both_goals
@settings(max_examples=60)
@given(
    table=st.lists(st.lists(values, min_size=8, max_size=8), min_size=3, max_size=12),
    judged=st.lists(values, min_size=8, max_size=8),
    better_than=st.sampled_from([10, 25, 50, 75, 90]),
    min_step=st.integers(1, 4),
    min_trials=st.integers(1, 4),
    interval_steps=st.integers(1, 3),
)
def test_percentile(
    goal: Goal,
    table: list[list[float]],
    judged: list[float],
    better_than: int,
    min_step: int,
    min_trials: int,
    interval_steps: int,
) -> None:
    theirs = study(
        optuna.pruners.PercentilePruner(
            100.0 - better_than,
            n_startup_trials=min_trials,
            n_min_trials=min_trials,
            n_warmup_steps=min_step,
            interval_steps=interval_steps,
        ),
        goal,
    )
    ours = rule(
        EarlyStop(
            rule="percentile",
            percentile=better_than,
            min_step=min_step,
            min_trials=min_trials,
            interval_steps=interval_steps,
        ),
        goal=goal,
    )
    for number, curve in enumerate(table):
        trial = theirs.ask()
        for step, value in enumerate(curve, start=1):
            trial.report(value, step)
            ours.observe(number, [(step, value)])
        theirs.tell(trial, curve[-1])

    trial = theirs.ask()
    for step, value in enumerate(judged, start=1):
        trial.report(value, step)
        stopped = log(ours, len(table), step, value) is not None
        assert stopped == trial.should_prune(), step


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@both_goals
@settings(max_examples=60)
@given(curve=st.lists(st.floats(-9, 9), min_size=1, max_size=15, unique=True), patience=st.integers(1, 5))
def test_patience_one_step_later(goal: Goal, curve: list[float], patience: int) -> None:
    # Optuna's patience is what is allowed, ours is what is too long.
    theirs = study(optuna.pruners.PatientPruner(None, patience=patience - 1), goal)
    ours = rule(EarlyStop(rule="patience", patience=patience), goal=goal)

    decisions([curve], ours, theirs, random.Random(0))


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@given(max_step=st.integers(1, 300), min_step=st.integers(1, 9), eta=st.integers(2, 5))
def test_as_many_brackets_for_as_many_trials(max_step: int, min_step: int, eta: int) -> None:
    pruner = optuna.pruners.HyperbandPruner(
        min_resource=min_step, max_resource=max_step, reduction_factor=eta
    )
    count = bracket_count(min_step=min_step, max_step=max(max_step, min_step), eta=eta)
    pruner._n_brackets = count

    theirs = [pruner._calculate_trial_allocation_budget(bracket) for bracket in range(count)]

    assert list(bracket_weights(count, eta=eta)) == theirs
    assert min_step * eta ** (count - 1) <= max(max_step, min_step) < min_step * eta**count
