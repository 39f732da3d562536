"""Counts the ended trials of a ledger, for the rules that end a search."""

from __future__ import annotations

from runner.model.trial import Trial
from runner.sweeping.halting import Tally
from runner.sweeping.ledger import Ledger


def tally_of(ledger: Ledger) -> Tally:
    """The tally of all trials that have ended so far, in the order of their ends."""
    tally = Tally()
    for number in ledger.over:
        count(tally, ledger, ledger.trials[number])
    return tally


def count(tally: Tally, ledger: Ledger, trial: Trial) -> None:
    """Counts a trial that has ended; the baseline is not counted."""
    result = trial.result
    if result is None or trial.number < 0:
        return
    if result.values is None:
        assert result.cause is not None
        shown = result.tail or result.reason
        tally.did_fail(trial.number, result.cause, likeness=result.likeness, shown=shown)
    elif max(ledger.violations(trial.point), default=0.0) > 0:
        tally.did_poorly()
    else:
        tally.did_well(result.values[0], ledger.sweep.objective)
