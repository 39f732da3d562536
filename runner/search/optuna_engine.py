"""Optuna's samplers behind ask and tell: multivariate TPE, Gaussian processes, NSGA-II.

The study is in memory and is rebuilt by repeating `add` and `tell`: there is no second database. Each
proposal has a fresh sampler with a seed of its own and leaves nothing in the study.
A failed trial is not left out, as Optuna would, which tries such places again: to TPE it is a pruned trial,
which ranks behind all others; elsewhere it has the worst values that were seen.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from runner.model.space import Choice, Dimension, Normal, Params, Space, Value
from runner.model.sweep import Sweep
from runner.search.draws import derived_seed
from runner.search.protocol import Told

MakeSampler = Callable[[int], BaseSampler]
"""A sampler, given its seed."""

_NO_TRIAL = -1
_SPREAD = 1 - 1e-6


class OptunaEngine:
    """What an Optuna sampler proposes. An `Engine`. `objectives` and `constraints`: how many
    of them a trial has.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        make_sampler: MakeSampler,
        *,
        objectives: int = 1,
        constraints: int = 0,
        prunes_failures: bool = False,
        ignore_failures: bool = False,
    ) -> None:
        self._space = space
        self._seed = seed
        self._make_sampler = make_sampler
        self._prunes_failures = prunes_failures
        self._ignore_failures = ignore_failures
        self._distributions = {d.name: distribution_of(d) for d in space.dimensions}
        self._storage = _Storage()
        with _quietly():
            self._study = optuna.create_study(storage=self._storage, directions=["minimize"] * objectives)
            sampler = make_sampler(0)
        self._generations = sampler if isinstance(sampler, optuna.samplers.NSGAIISampler) else None
        self._ids: dict[int, int] = {}
        self._worst: tuple[float, ...] | None = None
        self._worst_violations = (1.0,) * constraints

    def propose(self, number: int, attempt: int) -> Params:
        """See `Engine.propose`."""
        with _quietly():
            self._forget_cache()
            sampler = self._make_sampler(derived_seed(self._seed, number, attempt))
            trial = self._frozen({}, number=len(self._study.get_trials(deepcopy=False)))
            relative_space = sampler.infer_relative_search_space(self._study, trial)
            relative = sampler.sample_relative(self._study, trial, relative_space)
            params: dict[str, Value] = {}
            for dimension in self._space.dimensions:
                if dimension.matters(params):
                    params[dimension.name] = self._value(dimension, sampler, trial, relative)
        return params

    def _value(
        self, dimension: Dimension, sampler: BaseSampler, trial: FrozenTrial, relative: Mapping[str, Any]
    ) -> Value:
        name, distribution = dimension.name, self._distributions[dimension.name]
        if distribution.single():
            return value_of(
                dimension, distribution.to_external_repr(distribution.to_internal_repr(_only(distribution)))
            )
        if name in relative:
            return value_of(dimension, relative[name])
        return value_of(dimension, sampler.sample_independent(self._study, trial, name, distribution))

    def add(self, number: int, params: Params) -> None:
        """See `Engine.add`."""
        known = {name: value for name, value in params.items() if self._space[name].domain.includes(value)}
        trial = self._frozen({name: raw_of(self._space[name], value) for name, value in known.items()})
        self._ids[number] = self._storage.create_new_trial(self._study._study_id, template_trial=trial)
        if self._generations is not None:
            # Which generation a trial belongs to is decided when it begins, and written on it.
            self._forget_cache()
            self._generations.get_trial_generation(self._study, self._storage.get_trial(self._ids[number]))

    def tell(self, number: int, told: Told) -> None:
        """See `Engine.tell`."""
        identifier = self._ids[number]
        losses = told.losses
        for index, violation in enumerate(self._violations(told)):
            self._storage.set_trial_system_attr(identifier, f"constraints:{index}", violation)
        if losses is not None and all(map(math.isfinite, losses)):
            self._worst = losses if self._worst is None else tuple(map(max, self._worst, losses))
            self._storage.set_trial_state_values(identifier, TrialState.COMPLETE, losses)
        elif told.is_void or self._ignore_failures:
            self._storage.set_trial_state_values(identifier, TrialState.FAIL)
        elif self._prunes_failures:
            self._storage.set_trial_state_values(identifier, TrialState.PRUNED)
        elif self._worst is not None:
            self._storage.set_trial_state_values(identifier, TrialState.COMPLETE, self._worst)
        else:
            self._storage.set_trial_state_values(identifier, TrialState.FAIL)

    def _violations(self, told: Told) -> tuple[float, ...]:
        # Samplers want all of them of every trial: one that failed violates as the worst did.
        known, worst = told.violations, self._worst_violations
        if len(known) != len(worst) or not all(map(math.isfinite, known)):
            return worst
        self._worst_violations = tuple(map(max, worst, known))
        return known

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """See `Engine.learn`. Trials that are not of today's space are left out."""
        for number, (params, told) in enumerate(history, start=-len(history)):
            if self._space.includes(params) and told.losses is not None:
                self.add(number, params)
                self.tell(number, told)

    def _forget_cache(self) -> None:
        # A study keeps the trials that it read for the length of one `ask`, which we do not call.
        self._study._thread_local.cached_all_trials = None

    def _frozen(self, raw: Mapping[str, Any], number: int = 0) -> FrozenTrial:
        trial = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=dict(raw),
            distributions={name: self._distributions[name] for name in raw},
        )
        trial._trial_id = _NO_TRIAL
        trial.number = number
        return trial


def distribution_of(dimension: Dimension) -> BaseDistribution:
    """The domain in Optuna's words. It has no normal ones: those are searched by their quantiles."""
    domain = dimension.domain
    if isinstance(domain, Choice):
        # By place: Optuna takes True and 1 for one value.
        return CategoricalDistribution(list(range(domain.size)))
    if isinstance(domain, Normal):
        return FloatDistribution(1 - _SPREAD, _SPREAD)
    if domain.stride is None:
        return FloatDistribution(domain.minimum, domain.maximum, log=domain.log)
    if domain.log:
        if domain.integer and domain.stride == 1:
            return IntDistribution(int(domain.minimum), int(domain.maximum), log=True)
        return FloatDistribution(domain.minimum, float(domain.nearest(domain.maximum)), log=True)
    # By place too: a float step of Optuna's is inexact, and shortens the range with a warning.
    return IntDistribution(0, (domain.size or 1) - 1)


def value_of(dimension: Dimension, raw: Any) -> Value:
    """The value of a parameter, given Optuna's."""
    domain = dimension.domain
    if isinstance(domain, Choice):
        return domain.values[int(raw)]
    if isinstance(domain, Normal):
        return domain.at(float(raw))
    if domain.stride is not None and not domain.log:
        return domain.nth(int(raw))
    return domain.nearest(float(raw))


def raw_of(dimension: Dimension, value: Value) -> Any:
    """Optuna's value of a parameter. The value is one of the domain."""
    domain = dimension.domain
    if isinstance(domain, Choice):
        return next(i for i, v in enumerate(domain.values) if type(v) is type(value) and v == value)
    if isinstance(domain, Normal):
        return min(max(domain.fraction_below(float(value)), 1 - _SPREAD), _SPREAD)
    if domain.stride is None:
        return min(max(float(value), domain.minimum), domain.maximum)
    if domain.log:
        return int(value) if domain.integer and domain.stride == 1 else float(value)
    return round((float(value) - domain.minimum) / domain.stride)


def engine_for(sweep: Sweep, seed: int, options: Mapping[str, Any]) -> OptunaEngine:
    """The engine of a sweep whose method is one of Optuna's. `options` are checked."""
    return OptunaEngine(
        sweep.space,
        seed,
        _SAMPLERS[sweep.method](sweep, options),
        objectives=len(sweep.objectives),
        constraints=len(sweep.constraints),
        prunes_failures=sweep.method == "tpe" and len(sweep.objectives) == 1,
        ignore_failures=sweep.on_failure == "ignore",
    )


def _tpe(sweep: Sweep, options: Mapping[str, Any]) -> MakeSampler:
    is_conditional = any(dimension.when for dimension in sweep.space.dimensions)
    multivariate = options.get("multivariate", len(sweep.objectives) == 1)
    # Without groups, parameters that do not always matter would be searched one by one.
    own = {**options, "multivariate": multivariate, "group": bool(multivariate and is_conditional)}
    return lambda seed: optuna.samplers.TPESampler(seed=seed, **own)


def _gaussian_process(_: Sweep, options: Mapping[str, Any]) -> MakeSampler:
    return lambda seed: optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False, **options)


def _nsga2(_: Sweep, options: Mapping[str, Any]) -> MakeSampler:
    return lambda seed: optuna.samplers.NSGAIISampler(seed=seed, **options)


_SAMPLERS: Mapping[str, Callable[[Sweep, Mapping[str, Any]], MakeSampler]] = {
    "tpe": _tpe,
    "gaussian_process": _gaussian_process,
    "nsga2": _nsga2,
}


class _Storage(InMemoryStorage):  # type: ignore[misc] # not annotated for us
    """In memory, and forgets what a sampler notes of a proposal: that is what keeps proposals pure."""

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id != _NO_TRIAL:
            super().set_trial_system_attr(trial_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """The parents of a generation, which later trials may change: found again for each proposal."""


def _only(distribution: BaseDistribution) -> Any:
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else distribution.low


@contextmanager
def _quietly() -> Iterator[None]:
    # Optuna logs the creation of studies, and warns of what is experimental.
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
