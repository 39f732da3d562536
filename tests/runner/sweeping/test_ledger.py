"""Where a sweep stands by its journal: time that was worked, whatever the clock says, and slots."""

from __future__ import annotations

import pytest

from runner.cli.sweep_summary import summary
from runner.model.run import RunStatus
from runner.model.sweep import Objective, StopWhen, Sweep
from runner.model.trial import TrialResult
from runner.stop import Stop
from runner.sweeping.books import Books
from runner.sweeping.ending import Ending
from runner.sweeping.entries import Condemned, Launched, Over, Resumed, Suggested
from runner.sweeping.ledger import Ledger
from tests.runner.sweeping.simulation import began
from tests.runner.sweeping.trials import Trials

SWEEP = Sweep(name="s", objectives=(Objective(metric="loss"),), max_trials=9)


def over(trial: int, *, at_ms: int, active_s: float) -> Over:
    result = TrialResult(run_id=f"run-{trial}", status=RunStatus.FINISHED, values=(1.0,))
    return Over(trial=trial, attempt=0, result=result, at_ms=at_ms, active_s=active_s)


def launched(trial: int, slot: int = 0) -> list[Suggested | Launched]:
    return [Suggested(point=trial, params={}), Launched(trial=trial, point=trial, slot=slot)]


def test_time_is_what_processes_worked_whatever_the_clock_said() -> None:
    ledger = Ledger(SWEEP, [began(SWEEP), *launched(0), over(0, at_ms=10_000, active_s=5.0)])
    assert ledger.active_s == 5.0
    for entry in (
        # The clock was set back an hour, then forward a day.
        *launched(1),
        over(1, at_ms=-3_590_000, active_s=7.0),
        Resumed(at_ms=90_000_000),
        *launched(2),
        over(2, at_ms=90_001_000, active_s=1.5),
    ):
        ledger.apply(entry)

    assert ledger.active_s == 8.5


def test_a_searchs_time_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("runner.sweeping.ending.time.monotonic", lambda: now)
    sweep = Sweep(name="s", objectives=(Objective(metric="loss"),), stop=StopWhen(max_time_s=10.0))
    ledger = Ledger(sweep, [began(sweep), *launched(0), over(0, at_ms=0, active_s=2.0), Resumed(at_ms=0)])
    ending = Ending(ledger, Stop(), lambda _: None)
    for trial, seconds in ((1, 3.0), (2, 7.9)):
        now = 100.0 + seconds
        for entry in (*launched(trial), over(trial, at_ms=0, active_s=ending.active_s)):
            ledger.apply(entry)
        assert not ending.is_due(0), seconds
    now = 108.1
    assert ending.is_due(0)
    assert ending.halt is not None
    assert ending.halt.rule == "max_time"


def test_another_attempt_has_a_slot_of_its_own_and_is_not_condemned() -> None:
    ledger = Ledger(SWEEP, [began(SWEEP), *launched(0, slot=3)])
    ledger.apply(Condemned(trial=0, attempt=0, rule="asha", reason="behind", step=1))
    assert (ledger.slots[0], ledger.condemned[0].rule) == (3, "asha")
    ledger.apply(Launched(trial=0, point=0, attempt=1, slot=1))
    assert (ledger.slots[0], ledger.condemned) == (1, {})


def test_trials_that_the_end_of_the_search_stopped_are_neither_failed_nor_finished() -> None:
    stopped = TrialResult(run_id="r", status=RunStatus.KILLED, cause="stopped")
    failed = TrialResult(run_id="r", status=RunStatus.FAILED, cause="crashed")
    ledger = Ledger(
        SWEEP,
        [
            began(SWEEP),
            *launched(0),
            *launched(1),
            *launched(2),
            over(0, at_ms=0, active_s=1.0),
            Over(trial=1, attempt=0, result=failed),
            Over(trial=2, attempt=0, result=stopped),
        ],
    )

    assert (len(ledger.over), ledger.failed, ledger.stopped) == (3, 1, 1)
    assert "3 trials, 1 failed, 1 stopped" in summary(ledger, state="finished", reason="")


def test_the_sweeps_own_run_counts_what_the_end_of_the_search_stopped(trials: Trials) -> None:
    stopped = TrialResult(run_id="", status=RunStatus.KILLED, cause="stopped")
    ended = [*launched(1), Over(trial=1, attempt=0, result=stopped)]
    ledger = Ledger(SWEEP, [began(SWEEP), *launched(0), over(0, at_ms=0, active_s=1.0), *ended])
    books = Books(trials.client, trials.parent_run_id, ledger)

    books.show(books.trial_ended(ledger.trials[1], 5).figures)

    metrics = trials.client.get_run(trials.parent_run_id).data.metrics
    assert (metrics["trials_finished"], metrics["trials_failed"], metrics["trials_stopped"]) == (1, 0, 1)
