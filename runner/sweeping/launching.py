"""The journal's lines for the next step of a sweep."""

from __future__ import annotations

from runner.sweeping.agenda import Launch, Step, Suggest
from runner.sweeping.asking import Asking
from runner.sweeping.entries import Exhausted, Launched, Suggested
from runner.sweeping.ledger import BASELINE, Ledger


def entries_for(
    step: Step, slot: int, ledger: Ledger, asking: Asking
) -> tuple[Launched] | tuple[Suggested, Launched] | tuple[Exhausted]:
    """What takes the step: the trial that is launched last, or that there is nothing left to try."""
    if isinstance(step, Launch):
        return (
            Launched(trial=step.trial, point=step.point, repeat=step.repeat, attempt=step.attempt, slot=slot),
        )
    if not isinstance(step, Suggest):
        return (
            Suggested(point=BASELINE, params={}, origin="baseline"),
            Launched(trial=BASELINE, point=BASELINE, slot=slot),
        )
    params = asking.suggest(step.number)
    if params is None:
        return (Exhausted(),)
    first = step.number * ledger.first_round
    return (
        Suggested(point=step.number, params=params),
        Launched(trial=first, point=step.number, slot=slot),
    )
