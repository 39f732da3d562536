"""Learning curves for tests of early stopping, and trials that log them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from runner.model.space import Space
from runner.model.sweep import EarlyStop, Goal, Mode, Objective, Sweep
from runner.search.stopping.protocol import StoppingRule, Verdict
from runner.search.stopping.rules import rule_for

GOALS: tuple[Goal, ...] = ("minimize", "maximize")
values = st.integers(-50, 50).map(lambda number: number / 8)
"""Few different ones, so that there are ties."""


def tables(*, trials: int, steps: int) -> st.SearchStrategy[list[list[float]]]:
    """A curve for each trial, of one value for each of steps 1, 2, …"""
    return st.lists(st.lists(values, min_size=1, max_size=steps), min_size=1, max_size=trials)


def sweep(early_stop: EarlyStop | None, *, goal: Goal = "minimize", mode: Mode = "last") -> Sweep:
    """A sweep with this declaration."""
    objective = Objective(metric="val_rmse", goal=goal, mode=mode)
    return Sweep(name="search", objectives=(objective,), space=Space(), early_stop=early_stop)


def rule(early_stop: EarlyStop, *, goal: Goal = "minimize", mode: Mode = "last") -> StoppingRule:
    """The rule of this declaration."""
    made = rule_for(sweep(early_stop, goal=goal, mode=mode))
    assert made is not None
    return made


def log(judge: StoppingRule, number: int, step: int, value: float) -> Verdict | None:
    """A trial logs one value and is judged at once."""
    judge.observe(number, [(step, value)])
    return judge.judge(number)


def log_all(
    judge: StoppingRule, number: int, curve: Sequence[float], *, first_step: int = 1
) -> Verdict | None:
    """A trial logs its curve, judged after each value, until it is stopped."""
    for step, value in enumerate(curve, start=first_step):
        verdict = log(judge, number, step, value)
        if verdict is not None:
            return verdict
    return None
