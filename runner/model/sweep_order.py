"""What a sweep was asked for, resolved."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.run import RunSpec
from runner.model.sweep import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """A resolved order for a sweep: performing it needs nothing else.

    `trial` is an order for one trial, with sample parameters: each trial is bound anew. `run_name` is the
    parent's.
    """

    sweep: Sweep
    trial: RunSpec
    env_manager: str | None = None
    run_name: str | None = None
