"""Which running trials are stopped early, and which never."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.sweep import EarlyStop, Goal, Mode, Objective, StopRuleName
from runner.search.stopping.halving import HalvingRule
from runner.search.stopping.percentile import percentile
from runner.search.stopping.rules import rule_for, watched_objective
from runner.search.stopping.rungs import bracket_weights, dealt
from tests.runner.search.learning_curves import GOALS, log, log_all, rule, sweep, tables, values

COMPARING: tuple[StopRuleName, ...] = ("median", "percentile", "asha", "hyperband")
ALL: tuple[StopRuleName, ...] = (*COMPARING, "patience", "target")
any_goal = st.sampled_from(GOALS)


def declared(name: StopRuleName, *, min_step: int = 1, min_trials: int = 1) -> EarlyStop:
    return EarlyStop(
        rule=name, min_step=min_step, min_trials=min_trials, max_step=27, patience=3, target=0.0, eta=3.0
    )


def test_a_sweep_that_declares_none_has_no_rule() -> None:
    assert rule_for(sweep(None)) is None


def test_the_worse_half_is_stopped_by_the_median() -> None:
    judge = rule(EarlyStop(rule="median", min_trials=3))
    for number, value in enumerate((1.0, 2.0, 3.0)):
        assert log_all(judge, number, [value] * 4) is None

    assert log_all(judge, 3, [1.5] * 4) is None
    verdict = log_all(judge, 4, [2.5] * 4)

    assert verdict is not None
    assert (verdict.rule, verdict.step, verdict.rung) == ("median", 1, None)
    assert verdict.reason == (
        "its best val_rmse up to step 1 is 2.5, not as good as 1.75, the median of the 4 other trials that got as far"
    )


def test_a_trial_that_was_better_once_is_compared_by_its_best_value() -> None:
    judge = rule(EarlyStop(rule="median", min_trials=2))
    log_all(judge, 0, [5.0, 4.0, 3.0])
    log_all(judge, 1, [5.0, 4.0, 3.0])

    assert log_all(judge, 2, [2.0, 9.0, 9.0]) is None


def test_asha_lets_the_best_of_each_rung_go_on() -> None:
    judge = rule(EarlyStop(rule="asha", eta=2, min_trials=1))
    curves = {
        0: [4.0, 3.0, 3.0, 3.0],
        1: [3.0, 2.0, 2.0, 2.0],
        2: [2.0, 2.5, 2.5, 2.5],
        3: [2.5, 9.0, 9.0, 9.0],
    }

    verdicts = {number: log_all(judge, number, curve) for number, curve in curves.items()}

    assert (verdicts[0], verdicts[1]) == (None, None)
    stopped = {number: (found.step, found.rung) for number, found in verdicts.items() if found is not None}
    assert stopped == {2: (2, 1), 3: (2, 1)}
    assert verdicts[3] is not None
    assert verdicts[3].reason == (
        "its val_rmse at step 2 (rung 1) is 9: it is not among the best 2 of the 4 trials that got there, "
        "who have 2.5 or better"
    )


def test_a_late_look_at_a_trial_finds_what_a_timely_one_would_have() -> None:
    timely, late = (rule(EarlyStop(rule="asha", eta=3, min_trials=1)) for _ in range(2))
    best, worst = [1.0] * 9, [2.0, 0.5, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    for judge in (timely, late):
        log_all(judge, 0, best)

    found = log_all(timely, 1, worst)
    late.observe(1, enumerate(worst, start=1))

    assert found == late.judge(1)
    assert found is not None
    assert found.rung == 0


def test_values_between_the_rungs_count_at_the_first_step_that_is_far_enough() -> None:
    judge = rule(EarlyStop(rule="asha", eta=3, min_step=3, min_trials=1))
    for step, value in ((2, 1.0), (4, 1.0)):
        assert log(judge, 0, step, value) is None
    assert log(judge, 1, 2, 5.0) is None

    verdict = log(judge, 1, 4, 5.0)

    assert verdict is not None
    assert (verdict.step, verdict.rung) == (4, 0)


def test_hyperband_spares_later_brackets_the_first_rungs() -> None:
    judge = HalvingRule(EarlyStop(rule="hyperband", min_step=1, max_step=9, eta=3), Objective(metric="loss"))
    brackets = [judge.bracket(number) for number in range(17)]

    assert Counter(brackets) == {0: 9, 1: 5, 2: 3}
    assert [judge.rung_step(0, bracket=bracket) for bracket in range(3)] == [1, 3, 9]
    assert judge.rung_step(1, bracket=2) is None


@given(count=st.integers(1, 6), eta=st.floats(1.5, 4))
def test_every_bracket_gets_its_share_evenly_spread(count: int, eta: float) -> None:
    weights = bracket_weights(count, eta=eta)
    row = dealt(weights)

    assert Counter(row) == dict(enumerate(weights))
    for length in range(1, min(len(row), 200)):
        for bracket, weight in enumerate(weights):
            assert abs(row[:length].count(bracket) - length * weight / len(row)) < count


def test_patience_ends_a_trial_that_no_longer_improves() -> None:
    judge = rule(EarlyStop(rule="patience", patience=3, min_delta=0.1))

    verdict = log_all(judge, 0, [1.0, 0.8, 0.75, 0.79, 0.71, 0.1])

    assert verdict is not None
    assert verdict.step == 5
    assert verdict.reason == "its val_rmse has not improved for 3 steps: it was 0.8 at step 2"


@pytest.mark.parametrize(("goal", "value"), [("minimize", 0.09), ("maximize", 0.11)])
def test_a_trial_that_reached_the_target_has_nothing_to_gain(goal: Goal, value: float) -> None:
    judge = rule(EarlyStop(rule="target", target=0.1), goal=goal)
    far = 0.5 if goal == "minimize" else 0.05

    assert log(judge, 0, 1, far) is None
    verdict = log(judge, 0, 2, value)

    assert verdict is not None
    assert verdict.reason == f"its val_rmse is {value}: it has reached the target 0.1"


@pytest.mark.parametrize("name", COMPARING)
@settings(max_examples=40)
@given(
    table=tables(trials=10, steps=30),
    goal=any_goal,
    seed=st.integers(0, 100),
    mode=st.sampled_from(["last", "best"]),
)
def test_the_best_trial_so_far_is_never_stopped(
    name: StopRuleName, table: list[list[float]], goal: Goal, seed: int, mode: Mode
) -> None:
    judge = rule(declared(name, min_trials=0), goal=goal, mode=mode)
    sign = 1 if goal == "minimize" else -1
    order, at, seen = random.Random(seed), [0] * len(table), math.inf
    running = set(range(len(table)))
    while running:
        number = order.choice(sorted(running))
        # Several values may have come since the last look.
        new = table[number][at[number] : at[number] + order.randint(1, 9)]
        judge.observe(number, enumerate(new, start=at[number] + 1))
        at[number] += len(new)
        seen = min([seen, *(sign * value for value in new)])
        past = [sign * value for value in table[number][: at[number]]]
        counts = past[-1] if mode == "last" else min(past)
        if judge.judge(number) is not None:
            assert counts > seen
            running.discard(number)
        elif at[number] == len(table[number]):
            running.discard(number)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40)
@given(table=tables(trials=8, steps=20), goal=any_goal, min_step=st.integers(2, 12))
def test_nobody_is_judged_before_the_first_step(
    name: StopRuleName, table: list[list[float]], goal: Goal, min_step: int
) -> None:
    judge = rule(declared(name, min_step=min_step, min_trials=0), goal=goal)

    for number, curve in enumerate(table):
        verdict = log_all(judge, number, curve)
        assert verdict is None or verdict.step >= min_step


@pytest.mark.parametrize("name", COMPARING)
@settings(max_examples=40)
@given(table=tables(trials=8, steps=20), goal=any_goal, min_trials=st.integers(1, 9))
def test_nobody_is_judged_before_enough_others_got_as_far(
    name: StopRuleName, table: list[list[float]], goal: Goal, min_trials: int
) -> None:
    judge = rule(declared(name, min_trials=min_trials), goal=goal)

    for number, curve in enumerate(table):
        verdict = log_all(judge, number, curve)
        if verdict is not None:
            as_far = sum(len(other) >= verdict.step for other in table[:number])
            assert as_far >= min_trials


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40)
@given(table=tables(trials=8, steps=20), goal=any_goal, seed=st.integers(0, 100))
def test_the_same_calls_give_the_same_verdicts_and_observing_twice_changes_nothing(
    name: StopRuleName, table: list[list[float]], goal: Goal, seed: int
) -> None:
    order = random.Random(seed)
    once, twice = (rule(declared(name), goal=goal) for _ in range(2))

    for number, curve in enumerate(table):
        points = list(enumerate(curve, start=1))
        cut = order.randint(0, len(points))
        once.observe(number, points[:cut])
        twice.observe(number, order.sample(points[:cut], cut))
        assert once.judge(number) == twice.judge(number)
        once.observe(number, points)
        twice.observe(number, points[cut:])
        twice.observe(number, points)
        assert once.judge(number) == twice.judge(number)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40)
@given(table=tables(trials=6, steps=20), goal=any_goal)
def test_what_is_not_due_would_not_have_been_stopped(
    name: StopRuleName, table: list[list[float]], goal: Goal
) -> None:
    judge = rule(declared(name), goal=goal)

    for number, curve in enumerate(table):
        for step, value in enumerate(curve, start=1):
            due = judge.is_due(number, step)
            verdict = log(judge, number, step, value)
            assert due or verdict is None
            if verdict is not None:
                break


@pytest.mark.parametrize("name", COMPARING)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("goal", GOALS)
def test_what_is_no_number_is_worse_than_any(name: StopRuleName, bad: float, goal: Goal) -> None:
    judge = rule(EarlyStop(rule=name, min_trials=2, eta=2, max_step=1), goal=goal)
    for number in range(3):
        assert log(judge, number, 1, 1e9 if goal == "minimize" else -1e9) is None

    verdict = log(judge, 3, 1, bad)

    assert verdict is not None
    assert "is NaN" in verdict.reason


def test_trials_that_diverged_do_not_make_a_poor_one_look_poorer() -> None:
    judge = rule(EarlyStop(rule="median", min_trials=2))
    for number in range(3):
        judge.observe(number, [(1, math.nan)])

    assert log(judge, 3, 1, 1e12) is None


def test_a_trial_that_begins_anew_is_judged_anew() -> None:
    for name in ALL:
        judge = rule(declared(name), goal="minimize")
        log_all(judge, 0, [5.0] * 5)
        log_all(judge, 1, [9.0] * 5)
        judge.forget(1)

        assert log(judge, 1, 1, 4.0) is None
        assert log(judge, 1, 2, 4.5) is None


@given(losses=st.lists(values, min_size=1, max_size=9), share=st.floats(0, 100))
def test_a_percentile_is_what_numpy_says(losses: list[float], share: float) -> None:
    numpy = pytest.importorskip("numpy")

    assert percentile(losses, share) == pytest.approx(float(numpy.percentile(losses, share)), abs=1e-9)


def test_another_metric_than_the_objective_is_watched_in_its_sense() -> None:
    searched = sweep(EarlyStop(rule="median", metric="train_rmse"), goal="maximize", mode="best")

    assert watched_objective(searched) == Objective(metric="train_rmse", goal="maximize", mode="best")
