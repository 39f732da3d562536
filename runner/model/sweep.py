"""A sweep as its project file declares it: the space, the objective, the budget, and how trials are run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from runner.model.space import Params, Space
from runner.model.trial import Cause

Method = Literal[
    "tpe", "random", "grid", "quasi_random", "anneal", "adaptive_tpe", "cma_es", "gaussian_process", "nsga2"
]
Engine = Literal["builtin", "hyperopt", "optuna"]
Goal = Literal["minimize", "maximize"]
Mode = Literal["last", "min", "max", "best"]
OnFailure = Literal["worst", "ignore", "baseline", "abort"]
Aggregate = Literal["mean", "median", "min", "max"]
SeedMode = Literal["fixed", "per_trial", "per_repeat"]
StopRuleName = Literal["median", "percentile", "asha", "hyperband", "patience", "target"]

METHODS: tuple[Method, ...] = get_args(Method)
ENGINES: tuple[Engine, ...] = get_args(Engine)
GOALS: tuple[Goal, ...] = get_args(Goal)
MODES: tuple[Mode, ...] = get_args(Mode)
ON_FAILURE: tuple[OnFailure, ...] = get_args(OnFailure)
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
SEED_MODES: tuple[SeedMode, ...] = get_args(SeedMode)
STOP_RULES: tuple[StopRuleName, ...] = get_args(StopRuleName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The metric that is compared.

    `mode` says which of the values that a trial logs counts: the last one, the least, the greatest, or
    the best in the sense of `goal`. The search ends when a trial reaches `target`.
    """

    metric: str
    goal: Goal = "minimize"
    mode: Mode = "last"
    target: float | None = None

    def loss(self, value: float) -> float:
        """The value as something to minimise."""
        return value if self.goal == "minimize" else -value

    def is_better(self, value: float, than: float) -> bool:
        """Whether `value` is strictly better."""
        return self.loss(value) < self.loss(than)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A trial whose `metric` is outside cannot win.

    With `relative_to_baseline` bounds are factors of its value.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    relative_to_baseline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStop:
    """Which running trials are stopped, by the values of `metric` (None: the objective's) that they log.

    Steps are those of the metric. No trial is judged before `min_step` or, in comparisons, before
    `min_trials` others got as far. `eta` is the fraction of survivors' inverse at each rung (asha,
    hyperband), `max_step` the last rung's step. `percentile` (0 to 100) is the share of others that a
    trial must be better than. `patience` counts steps without an improvement of more than `min_delta`.
    `interval_steps` is how many steps lie between two judgements. `target` stops a trial that reached
    it: it has nothing to gain.
    """

    rule: StopRuleName
    metric: str | None = None
    min_step: int = 1
    max_step: int | None = None
    eta: float = 3.0
    brackets: int = 1
    min_trials: int = 3
    interval_steps: int = 1
    percentile: float = 50.0
    patience: int = 10
    min_delta: float = 0.0
    target: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWhen:
    """What ends the whole search before its budget is used. Each None: never."""

    target: float | None = None
    no_improvement_trials: int | None = None
    max_time_s: float | None = None
    max_failed_trials: int | None = None
    max_failure_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often an attempt that failed for one of the causes `on` is repeated."""

    limit: int = 2
    on: frozenset[Cause] = frozenset({"lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Each parameter set is evaluated `count` times and compared by the `aggregate` of its values.

    With `top_k`, only the best so many are evaluated again, when the search is over.
    """

    count: int = 1
    aggregate: Aggregate = "mean"
    top_k: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSeed:
    """A parameter that each trial gets a seed in.

    The same one, one for each trial, or one for each repeat.
    """

    parameter: str
    mode: SeedMode = "per_trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A run that the best trial has to beat; it is not counted. `cap`: no trial counts as worse than it."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    cap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one trial needs. 0 CPUs: not counted; None: no limit of memory."""

    cpus: int = 0
    gpus: int = 0
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep, checked. Its meaning is in docs/reference/sweeps.md.

    `fixed` are parameters that all trials share, as text. `max_trials` is None only for a grid: all of it.
    `seed` is None where none was given: one is drawn when the sweep starts, and recorded.
    `engine_options` are checked by the engine. `line` is where the sweep stands in `path`.
    """

    name: str
    entry_point: str = "main"
    description: str = ""
    method: Method = "tpe"
    engine: Engine | None = None
    engine_options: Mapping[str, float | int | bool | str] = field(default_factory=dict)
    objectives: tuple[Objective, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    space: Space = field(default_factory=Space)
    fixed: Mapping[str, str] = field(default_factory=dict)
    max_trials: int | None = None
    parallel: int = 1
    early_stop: EarlyStop | None = None
    stop: StopWhen = field(default_factory=StopWhen)
    retries: Retries = field(default_factory=Retries)
    trial_timeout_s: float | None = None
    on_failure: OnFailure = "worst"
    seed: int | None = None
    trial_seed: TrialSeed | None = None
    repeats: Repeats = field(default_factory=Repeats)
    deterministic: bool = False
    window: int | None = None
    baseline: Baseline | None = None
    initial_points: tuple[Params, ...] = ()
    warm_start: tuple[str, ...] = ()
    reuse_finished: bool = False
    resources: Resources = field(default_factory=Resources)
    warm: bool = True
    path: Path | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)

    @property
    def objective(self) -> Objective:
        """The first objective: what best means where one number is needed."""
        return self.objectives[0]

    @property
    def horizon(self) -> int | None:
        """In a deterministic sweep: suggestion n knows the results of trials up to n - horizon.

        None: every result as soon as it is there. It is the `window` that was declared and
        recorded, never the number of slots of the moment: the same trials come of any number of
        workers.
        """
        return (self.window or 8) if self.deterministic else None

    @property
    def waits_for_results(self) -> bool:
        """Whether a suggestion may depend on a result that is just being found out."""
        return self.horizon is None and self.method not in ("random", "grid", "quasi_random")
