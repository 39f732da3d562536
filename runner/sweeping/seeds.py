"""The seeds that trials get, derived from the sweep's."""

from __future__ import annotations

import hashlib

from runner.model.sweep import Sweep
from runner.model.trial import Trial


def trial_seed(sweep: Sweep, trial: Trial, *, low: int = 0, high: int = 2**31 - 1) -> int | None:
    """A number from `low` to `high` for the trial's seed parameter; None where it has none.

    `fixed` is the sweep's seed itself, brought into the range where it lies outside. Others depend on it and
    on the trial's number, or on its repeat, so that each parameter set meets the same seeds.
    """
    if sweep.trial_seed is None or sweep.seed is None:
        return None
    mode = sweep.trial_seed.mode
    if mode == "fixed":
        return sweep.seed if low <= sweep.seed <= high else low + sweep.seed % (high - low + 1)
    turn = trial.number if mode == "per_trial" else trial.repeat
    digest = hashlib.sha256(f"{sweep.seed} {mode} {turn}".encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)
