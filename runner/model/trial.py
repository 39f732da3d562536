"""A run as a searcher sees it: what it was given, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from runner.model.run import RunStatus
from runner.model.space import Params

Cause = Literal[
    "diverged", "no_objective", "crashed", "timeout", "out_of_memory", "lost", "provision", "stopped"
]
"""Why a trial has no value.

`diverged`: its objective is NaN or infinite. `no_objective`: it ended well and never logged the objective.
`crashed`: its program failed. `timeout`: it took longer than a trial may. `out_of_memory`: the operating
system killed it for its memory. `lost`: whoever looked after it died, something outside killed it, or the
server went away when its run had just been made. `provision`: it could not be started: its environment,
sources or record were not to be had. `stopped`: by a person.
"""

CAUSES: tuple[Cause, ...] = (
    "diverged",
    "no_objective",
    "crashed",
    "timeout",
    "out_of_memory",
    "lost",
    "provision",
    "stopped",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of one attempt at a trial.

    `values` are the objectives, in the order of the sweep's, as logged (a maximised one is not negated); None
    where there is no valid one: then `cause` says why. One that was stopped early has the values that it had
    got to, and `stopped_early` says by which rule and where. One that is `reused` was not run: its run had
    finished before, with the same code, environment and parameters. `reason` is a sentence for people.
    `metrics` are the last values of all metrics of the run. Of one that failed, `tail` is the last of its
    output, and `likeness` is equal for those that failed alike.
    """

    run_id: str
    status: RunStatus
    values: tuple[float, ...] | None = None
    cause: Cause | None = None
    reason: str = ""
    stopped_early: str = ""
    reused: bool = False
    seconds: float = 0.0
    exit_code: int | None = None
    metrics: Mapping[str, float] | None = None
    tail: str = ""
    likeness: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One evaluation.

    `number` counts from 0; with repeats, `point` is which parameter set, and `repeat` which turn.
    `run_ids` are those of its attempts, the last one last. `result` is None until the last attempt is over.
    """

    number: int
    params: Params
    point: int
    repeat: int = 0
    run_ids: tuple[str, ...] = ()
    result: TrialResult | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"trial-{self.number + 1:03}"
