"""The order for one attempt at a trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from pathlib import Path

from runner.model.run import RunSpec
from runner.model.sweep import Sweep
from runner.model.trial import Trial
from runner.sweeping.ledger import BASELINE
from runner.sweeping.names import ATTEMPT_TAG, BASELINE_TAG, POINT_TAG, REPEAT_TAG, SLOT_TAG, TRIAL_TAG
from runner.sweeping.order import trial_parameters
from runner.sweeping.seeds import trial_seed
from runner.sweeping.slots import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTemplate:
    """What all trials of a sweep share.

    `spec` runs the frozen sources; `kept` is where what trials write beside their code is kept.
    """

    sweep: Sweep
    spec: RunSpec
    kept: Path

    def spec_for(self, trial: Trial, attempt: int, slot: Slot) -> RunSpec:
        """The attempt's order. Raises ParameterError where the entry point does not take the parameters."""
        is_baseline = trial.number == BASELINE
        name = "baseline" if is_baseline else trial.name
        bound = self.spec.rebind(self.parameters(trial), run_name=name)
        return replace(
            bound,
            tags={**bound.tags, **self._tags(trial, attempt), SLOT_TAG: str(slot.number)},
            variables={**bound.variables, **slot.variables},
            warm=self.sweep.warm,
            keep=self.kept / (name if attempt == 0 else f"{name}-{attempt}"),
        )

    def parameters(self, trial: Trial) -> dict[str, str]:
        """All parameters that the trial is given, as text."""
        parameters = trial_parameters(self.sweep, trial.params, seed=self._seed(trial))
        if trial.number == BASELINE and self.sweep.baseline is not None:
            parameters |= self.sweep.baseline.parameters
        return parameters

    def _seed(self, trial: Trial) -> int | None:
        if self.sweep.trial_seed is None:
            return None
        declared = [p for p in self.spec.entry_point.parameters if p.name == self.sweep.trial_seed.parameter]
        low, high = (declared[0].minimum, declared[0].maximum) if declared else (None, None)
        return trial_seed(
            self.sweep,
            trial,
            low=0 if low is None else ceil(low),
            high=max(2**31 - 1, ceil(low or 0)) if high is None else floor(high),
        )

    def _tags(self, trial: Trial, attempt: int) -> dict[str, str]:
        tags = {TRIAL_TAG: str(trial.number), ATTEMPT_TAG: str(attempt)}
        if trial.number == BASELINE:
            return {BASELINE_TAG: "true", ATTEMPT_TAG: str(attempt)}
        return {**tags, POINT_TAG: str(trial.point), REPEAT_TAG: str(trial.repeat)}
