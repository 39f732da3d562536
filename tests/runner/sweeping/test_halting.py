"""What ends a whole search before its budget is used, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.sweep import Goal, Objective, StopWhen, Sweep
from runner.model.trial import CAUSES, Cause
from runner.sweeping.halting import Halt, Tally, halt

LOSS = Objective(metric="loss")


def sweep(objective: Objective = LOSS, **options: Any) -> Sweep:
    others = {name: options.pop(name) for name in ("on_failure",) if name in options}
    return Sweep(name="search", objectives=(objective,), stop=StopWhen(**options), **others)


def fail(tally: Tally, number: int, cause: Cause = "crashed", likeness: str = "") -> None:
    tally.did_fail(number, cause, likeness=likeness or f"fault {number}", shown=f"Traceback of {likeness}\n")


def halted(searched: Sweep, tally: Tally, *, seconds: float = 0.0, budget: int | None = None) -> Halt | None:
    return halt(searched, tally, seconds=seconds, budget=budget)


@pytest.mark.parametrize(("goal", "values"), [("minimize", (0.5, 0.2, 0.1)), ("maximize", (0.05, 0.09, 0.1))])
def test_a_search_ends_at_its_target(goal: Goal, values: tuple[float, ...]) -> None:
    objective = Objective(metric="loss", goal=goal)
    for searched in (
        sweep(objective, target=0.1),
        sweep(Objective(metric="loss", goal=goal, target=0.1)),
    ):
        tally = Tally()
        ends = []
        for value in values:
            tally.did_well(value, objective)
            ends.append(halted(searched, tally))

        assert ends[:2] == [None, None]
        assert ends[2] == Halt(
            rule="target", reason="loss has reached 0.1, the target was 0.1", is_failure=False
        )


def test_a_search_ends_when_it_gets_no_better() -> None:
    searched, tally = sweep(no_improvement_trials=3), Tally()
    for value in (5.0, 4.0, 4.0, 6.0):
        tally.did_well(value, LOSS)
        assert halted(searched, tally) is None
    tally.did_poorly()

    found = halted(searched, tally)

    assert found is not None
    assert (found.rule, found.is_failure) == ("no_improvement", False)
    assert found.reason == "none of the last 3 trials was better than 4"


def test_a_search_without_any_value_is_not_said_to_get_no_better() -> None:
    searched, tally = sweep(no_improvement_trials=2), Tally()
    for number in range(5):
        fail(tally, number)

    assert halted(searched, tally) is None


def test_a_search_ends_when_its_time_is_over() -> None:
    searched = sweep(max_time_s=3600.0)

    assert halted(searched, Tally(), seconds=3599.0) is None
    found = halted(searched, Tally(), seconds=3600.5)
    assert found is not None
    assert found.rule == "max_time"


def test_the_same_failure_three_times_at_the_beginning_ends_the_search_and_is_shown() -> None:
    tally = Tally()
    for number, likeness in enumerate(("a", "b", "a", "a")):
        assert halted(sweep(), tally) is None
        fail(tally, number, likeness=likeness)

    found = halted(sweep(), tally)

    assert found is not None
    assert (found.rule, found.is_failure, found.stops_running) == ("same_failure", True, True)
    assert found.reason.startswith("the first 3 trials failed alike")
    assert found.reason.endswith("Traceback of a")


@pytest.mark.parametrize("cause", ["no_objective", "provision", "crashed"])
def test_any_fault_of_the_program_counts_as_the_same_failure(cause: Cause) -> None:
    tally = Tally()
    for number in range(3):
        fail(tally, number, cause, "same")

    assert halted(sweep(), tally) is not None


def test_once_a_trial_did_well_the_same_failure_is_bad_luck() -> None:
    tally = Tally()
    for number in range(2):
        fail(tally, number, likeness="a")
    tally.did_well(1.0, LOSS)
    for number in range(3, 9):
        fail(tally, number, likeness="a")

    assert halted(sweep(), tally) is None


@pytest.mark.parametrize("cause", ["lost", "stopped", "diverged", "timeout", "out_of_memory"])
def test_what_may_be_the_parameters_fault_or_nobodys_ends_no_search(cause: Cause) -> None:
    tally = Tally()
    for number in range(9):
        fail(tally, number, cause, "same")

    assert halted(sweep(), tally) is None


def test_trials_that_diverged_or_were_stopped_by_a_person_are_not_failures() -> None:
    tally = Tally()
    for number, cause in enumerate(CAUSES):
        fail(tally, number, cause)

    assert (tally.over, tally.failed) == (len(CAUSES) - 1, len(CAUSES) - 2)


def test_so_many_failed_trials_end_the_search() -> None:
    searched, tally = sweep(max_failed_trials=1), Tally()
    tally.did_well(1.0, LOSS)
    fail(tally, 1)
    assert halted(searched, tally) is None
    fail(tally, 2)

    found = halted(searched, tally)

    assert found is not None
    assert (found.rule, found.reason, found.is_failure) == (
        "max_failed_trials",
        "2 trials failed, 1 may",
        True,
    )


def test_one_failure_aborts_where_that_is_wished() -> None:
    tally = Tally()
    fail(tally, 4, "out_of_memory")

    found = halted(sweep(on_failure="abort"), tally)

    assert found is not None
    assert found.reason == "trial-005 out of memory, and on_failure is abort"


@given(
    failures=st.lists(st.booleans(), min_size=1, max_size=40),
    rate=st.floats(0, 0.9),
    budget=st.integers(1, 60),
)
def test_the_rate_of_failures_is_judged_when_it_says_something(
    failures: list[bool], rate: float, budget: int
) -> None:
    searched, tally = sweep(max_failure_rate=rate), Tally()
    tally.any_did_well = True

    for number, failed in enumerate(failures):
        if failed:
            fail(tally, number)
        else:
            tally.did_well(1.0, LOSS)
        found = halted(searched, tally, budget=budget)
        if found is not None:
            assert tally.failed > rate * min(budget, tally.over) or tally.failed > rate * budget
            assert tally.over >= 10 or tally.failed > rate * budget
            return
        assert tally.failed <= rate * budget
        assert tally.over < 10 or tally.failed <= rate * tally.over
