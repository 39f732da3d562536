"""What people want of a running sweep: what it says, and why it is not granted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.sweep import Objective, Sweep
from runner.sweeping.ledger import Ledger
from runner.sweeping.wishes import parsed, refused

SWEEP = Sweep(name="find", objectives=(Objective(metric="loss"),), max_trials=5)


@given(st.text())
def test_any_text_is_a_wish_or_none(text: str) -> None:
    wish = parsed(text)

    assert wish.text == text
    assert not (wish.stops and wish.extend_to is not None)


@pytest.mark.parametrize(
    ("text", "is_ending", "why"),
    [
        ("stop", False, ""),
        ("stop now", True, ""),
        ("extend 9", False, ""),
        ("extend 9", True, "when the sweep was ending"),
        ("extend 5", False, "has 5 trials already"),
        ("extend 0", False, "no wish"),
        ("extend ٣", False, "no wish"),
        ("stop tomorrow", False, "no wish"),
    ],
)
def test_a_wish_is_granted_or_refused_with_a_reason(text: str, is_ending: bool, why: str) -> None:
    said = refused(parsed(text), Ledger(SWEEP), is_ending=is_ending)

    assert bool(said) == bool(why)
    assert why in said


def test_a_grid_of_all_there_is_has_no_more() -> None:
    grid = Sweep(name="find", objectives=(Objective(metric="loss"),), method="grid")

    assert "all trials that there are" in refused(parsed("extend 9"), Ledger(grid), is_ending=False)
