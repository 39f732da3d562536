"""What is launched, and when: budgets, repeats, baselines, horizons, resumption."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.space import Params
from runner.model.sweep import Baseline, Objective, Repeats, Sweep
from runner.sweeping.agenda import next_step
from runner.sweeping.ledger import BASELINE
from runner.sweeping.order import budget_tags
from tests.runner.sweeping.simulation import Counting, Simulation


def sweep(**fields: object) -> Sweep:
    return Sweep(name="s", objectives=(Objective(metric="loss"),), **{"max_trials": 12, **fields})  # type: ignore[arg-type]


def noise(params: Params, repeat: int) -> float:
    digest = hashlib.sha256(f"{params}{repeat}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def sometimes_fails(params: Params, repeat: int) -> float | None:
    value = noise(params, repeat)
    return None if value < 0.25 else value


@given(
    workers=st.integers(1, 9),
    trials=st.integers(1, 30),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 1000),
    with_baseline=st.booleans(),
)
@settings(max_examples=60)
def test_the_budget_is_used_exactly_by_any_number_of_workers(
    workers: int, trials: int, repeats: int, seed: int, with_baseline: bool
) -> None:
    times = random.Random(seed)
    declared = sweep(
        max_trials=trials,
        repeats=Repeats(count=repeats),
        baseline=Baseline() if with_baseline else None,
    )
    done = Simulation(
        declared, Counting(), sometimes_fails, workers=workers, seconds=lambda _: times.random()
    ).run()
    assert len(done.ledger.over) == trials * repeats
    assert budget_tags(declared, [trials]) == {"runner.sweep.trials": str(len(done.ledger.over))}
    assert sorted(done.ledger.over) == list(range(trials * repeats))
    assert (BASELINE in done.ledger.trials) == with_baseline
    assert next_step(done.ledger, frozenset()) is None


@given(workers=st.integers(1, 8), seed=st.integers(0, 1000), window=st.integers(1, 8))
@settings(max_examples=60)
def test_a_deterministic_sweep_is_the_same_for_any_workers_and_any_order_of_ends(
    workers: int, seed: int, window: int
) -> None:
    times = random.Random(seed)
    declared = sweep(max_trials=25, deterministic=True, window=window)
    alone = Simulation(declared, Counting(), sometimes_fails).run()
    many = Simulation(
        declared, Counting(), sometimes_fails, workers=workers, seconds=lambda _: times.random()
    ).run()
    assert many.suggestions == alone.suggestions
    assert many.ledger.best_point == alone.ledger.best_point


def test_results_reach_the_searcher_as_they_come_where_determinism_is_not_asked_for() -> None:
    slow_first = Simulation(
        sweep(max_trials=4), Counting(), noise, workers=2, seconds=lambda n: 10.0 if n == 0 else 1.0
    ).run()
    searcher = slow_first.asking._searcher
    assert isinstance(searcher, Counting)
    told = [call[1] for call in searcher.calls if call[0] == "tell"]
    assert told == [1, 2, 3, 0]


@given(
    workers=st.integers(1, 5),
    seed=st.integers(0, 1000),
    killed_after=st.integers(0, 20),
    deterministic=st.booleans(),
    count=st.integers(1, 2),
)
@settings(max_examples=80)
def test_a_resumed_sweep_repeats_no_finished_trial_and_keeps_the_budget(
    workers: int, seed: int, killed_after: int, deterministic: bool, count: int
) -> None:
    times = random.Random(seed)
    declared = sweep(max_trials=9, deterministic=deterministic, repeats=Repeats(count=count))
    killed = Simulation(
        declared, Counting(), sometimes_fails, workers=workers, seconds=lambda _: times.random()
    ).run(most_events=killed_after)
    ended = list(killed.ledger.over)
    resumed = Simulation(
        declared, Counting(), sometimes_fails, workers=workers, entries=tuple(killed.entries)
    ).run()
    assert resumed.ledger.over[: len(ended)] == ended
    assert sorted(resumed.ledger.over) == list(range(9 * count))
    if deterministic:
        undisturbed = Simulation(declared, Counting(), sometimes_fails, workers=workers).run()
        assert resumed.suggestions == undisturbed.suggestions


def test_a_searcher_that_has_nothing_left_ends_the_sweep_early() -> None:
    done = Simulation(sweep(), Counting(most=5), noise, workers=3).run()
    assert len(done.ledger.over) == 5
    assert done.ledger.exhausted


def test_only_the_best_points_are_evaluated_again_and_the_winner_is_judged_by_all_its_values() -> None:
    declared = sweep(max_trials=8, repeats=Repeats(count=4, aggregate="mean", top_k=2))
    done = Simulation(declared, Counting(), noise, workers=3).run()
    first_values = {n: noise(done.ledger.points[n].params, 0) for n in range(8)}
    best_two = sorted(first_values, key=first_values.__getitem__)[:2]
    repeated = [n for n, point in done.ledger.points.items() if len(point.trials) > 1]
    assert sorted(repeated) == sorted(best_two)
    assert all(len(done.ledger.points[n].trials) == 4 for n in best_two)
    assert len(done.ledger.over) == 8 + 2 * 3
    assert budget_tags(declared, [4, 8]) == {
        "runner.sweep.trials": str(8 + 2 * 3),
        "runner.sweep.extended": "4 -> 8",
    }
    for n in best_two:
        values = [noise(done.ledger.points[n].params, repeat) for repeat in range(4)]
        assert done.ledger.value(n) == pytest.approx(sum(values) / 4)


def test_trials_wait_for_the_baseline_where_it_caps_their_values() -> None:
    waiting = Simulation(sweep(baseline=Baseline(cap=True)), Counting(), noise, workers=4)
    waiting.run(most_events=0)
    assert [trial.number for trial in waiting.ledger.running()] == [BASELINE]
    beside = Simulation(sweep(baseline=Baseline()), Counting(), noise, workers=4)
    beside.run(most_events=0)
    assert [trial.number for trial in beside.ledger.running()] == [BASELINE, 0, 1, 2]


def test_a_capped_loss_is_never_above_the_baselines() -> None:
    done = Simulation(sweep(baseline=Baseline(cap=True)), Counting(), lambda _, __: 7.0).run()
    searcher = done.asking._searcher
    assert isinstance(searcher, Counting)
    told = [str(call[2]) for call in searcher.calls if call[0] == "tell"]
    assert told
    assert all("losses=(1.0,)" in text for text in told)


def test_the_best_of_the_running_books_is_the_best_of_all() -> None:
    done = Simulation(sweep(max_trials=40), Counting(), sometimes_fails, workers=5)
    while (step := done.ledger.best_point) is None or len(done.ledger.over) < 40:
        done.run(most_events=1)
        assert done.ledger.best_point == next(iter(done.ledger.ranked()), None)
        if not done.ledger.running():
            break
    assert step is not None
