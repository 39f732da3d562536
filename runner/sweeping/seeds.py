"""The seeds that trials get, derived from the sweep's."""

from __future__ import annotations

import hashlib

from runner.model.sweep import Sweep
from runner.model.trial import Trial


def trial_seed(sweep: Sweep, trial: Trial) -> int | None:
    """A number below 2**31 for the trial's seed parameter; None where it has none.

    `fixed` is the sweep's seed itself. Others depend on it and on the trial's number, or on its repeat,
    so that each parameter set meets the same seeds.
    """
    if sweep.trial_seed is None or sweep.seed is None:
        return None
    mode = sweep.trial_seed.mode
    if mode == "fixed":
        return sweep.seed
    turn = trial.number if mode == "per_trial" else trial.repeat
    digest = hashlib.sha256(f"{sweep.seed} {mode} {turn}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
