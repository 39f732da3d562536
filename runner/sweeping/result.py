"""What a Python caller gets of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.model.run import RunStatus
from runner.model.space import Value
from runner.model.trial import Trial
from runner.sweeping.conductor import SweepOutcome
from runner.sweeping.winner import winner_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """A sweep that is over. `best_value` is the first objective's, `best_run_id` a run to load the model of.

    They are None where no trial has a value. `state` is finished, stopped or failed. `trials` are all
    of them by number, without the baseline.
    """

    run_id: str
    status: RunStatus
    state: str
    reason: str
    best_params: Mapping[str, Value] | None
    best_value: float | None
    best_run_id: str | None
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, outcome: SweepOutcome) -> SweepResult:
        """The result of a conducted sweep."""
        winner = winner_of(outcome.ledger)
        trial = winner.trial if winner is not None else None
        return cls(
            run_id=outcome.run.run_id,
            status=outcome.run.status,
            state=outcome.state,
            reason=outcome.reason,
            best_params=trial.params if trial else None,
            best_value=winner.value if winner else None,
            best_run_id=trial.run_ids[-1] if trial and trial.run_ids else None,
            trials=tuple(held for number, held in sorted(outcome.ledger.trials.items()) if number >= 0),
        )

    def __bool__(self) -> bool:
        """Whether it finished."""
        return self.status is RunStatus.FINISHED
