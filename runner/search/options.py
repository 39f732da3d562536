"""What may stand in a sweep's `engine_options`, for each method and engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from runner.errors import ManifestError, suggestion
from runner.model.sweep import Engine, Method, Sweep

OptionValue = float | int | bool
Kind = Literal["integer", "number", "truth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option. `default` None: it depends on the sweep, or on the engine. Both bounds are included."""

    kind: Kind
    default: OptionValue | None
    minimum: float = -math.inf
    maximum: float = math.inf

    @property
    def wanted(self) -> str:
        """What it must be, in words."""
        if self.kind == "truth":
            return "true or false"
        noun = {"integer": "a whole number", "number": "a number"}[self.kind]
        if self.maximum < math.inf:
            return f"{noun} from {self.minimum:g} to {self.maximum:g}"
        return f"{noun} of at least {self.minimum:g}" if self.minimum > -math.inf else noun

    def accepts(self, value: object) -> bool:
        """Whether a value of the project file will do."""
        if self.kind == "truth" or isinstance(value, bool):
            return self.kind == "truth" and isinstance(value, bool)
        if not isinstance(value, int if self.kind == "integer" else (int, float)):
            return False
        return math.isfinite(value) and self.minimum <= value <= self.maximum


_ALLOW_DUPLICATES = {"allow_duplicates": Option(kind="truth", default=False)}
_N_STARTUP_TRIALS = Option(kind="integer", default=None, minimum=0)
_TINY = 1e-9

OPTIONS: Mapping[tuple[Method, Engine], Mapping[str, Option]] = {
    ("random", "builtin"): _ALLOW_DUPLICATES,
    ("random", "hyperopt"): _ALLOW_DUPLICATES,
    ("grid", "builtin"): {},
    ("quasi_random", "builtin"): _ALLOW_DUPLICATES,
    ("tpe", "hyperopt"): {
        "n_startup_trials": _N_STARTUP_TRIALS,
        "n_ei_candidates": Option(kind="integer", default=24, minimum=1),
        "gamma": Option(kind="number", default=0.25, minimum=_TINY),
        "prior_weight": Option(kind="number", default=1.0, minimum=_TINY),
        **_ALLOW_DUPLICATES,
    },
    ("anneal", "hyperopt"): {
        "avg_best_idx": Option(kind="number", default=2.0, minimum=1),
        "shrink_coef": Option(kind="number", default=0.1, minimum=0),
        **_ALLOW_DUPLICATES,
    },
    ("adaptive_tpe", "hyperopt"): _ALLOW_DUPLICATES,
    ("tpe", "optuna"): {
        "n_startup_trials": _N_STARTUP_TRIALS,
        "n_ei_candidates": Option(kind="integer", default=24, minimum=1),
        "multivariate": Option(kind="truth", default=None),
        "constant_liar": Option(kind="truth", default=True),
        **_ALLOW_DUPLICATES,
    },
    ("cma_es", "optuna"): {
        "sigma": Option(kind="number", default=1 / 6, minimum=_TINY, maximum=1),
        "population_size": Option(kind="integer", default=None, minimum=2),
        **_ALLOW_DUPLICATES,
    },
    ("gaussian_process", "optuna"): {
        "n_startup_trials": _N_STARTUP_TRIALS,
        "deterministic_objective": Option(kind="truth", default=False),
        **_ALLOW_DUPLICATES,
    },
    ("nsga2", "optuna"): {
        "population_size": Option(kind="integer", default=50, minimum=2),
        "crossover_prob": Option(kind="number", default=0.9, minimum=0, maximum=1),
        "swapping_prob": Option(kind="number", default=0.5, minimum=0, maximum=1),
        "mutation_prob": Option(kind="number", default=None, minimum=0, maximum=1),
        **_ALLOW_DUPLICATES,
    },
}
"""Which engines have a method, the default one first, and its options."""

STARTUP_TRIALS: Mapping[tuple[Method, Engine], int] = {
    ("tpe", "hyperopt"): 20,
    ("tpe", "optuna"): 10,
    ("gaussian_process", "optuna"): 10,
}
"""How many trials begin at random, as the engines themselves have it; in small sweeps, a third of them."""


def engines_of(method: Method) -> list[Engine]:
    """The engines that have the method, the default one first."""
    return [engine for known, engine in OPTIONS if known == method]


def options_of(sweep: Sweep, engine: Engine) -> dict[str, OptionValue]:
    """All options of the sweep's method that have a value.

    Raises ManifestError for an option that the method does not have, or a value that will not do.
    """
    known = OPTIONS[sweep.method, engine]
    for name, value in sweep.engine_options.items():
        if name not in known:
            raise _unknown(sweep, engine, name, known)
        if not known[name].accepts(value):
            raise ManifestError(
                f"{name} must be {known[name].wanted}, not {value!r}",
                path=sweep.path,
                line=sweep.line,
                key=f"sweeps.{sweep.name}.engine_options.{name}",
            )
    defaults = {name: option.default for name, option in known.items()}
    if "n_startup_trials" in known:
        defaults["n_startup_trials"] = _startup_trials(sweep, engine)
    values = {**defaults, **sweep.engine_options}
    return {name: value for name, value in values.items() if value is not None and not isinstance(value, str)}


def _startup_trials(sweep: Sweep, engine: Engine) -> int:
    usual = STARTUP_TRIALS[sweep.method, engine]
    return usual if sweep.max_trials is None else min(usual, math.ceil(sweep.max_trials / 3))


def _unknown(sweep: Sweep, engine: Engine, name: str, known: Mapping[str, Option]) -> ManifestError:
    meant = suggestion(name, known)
    elsewhere = [other for other in engines_of(sweep.method) if name in OPTIONS[sweep.method, other]]
    if meant:
        hint = f"did you mean {meant!r}?"
    elif elsewhere:
        hint = f"it is an option of engine: {elsewhere[0]}"
    else:
        hint = f"known: {', '.join(known) or 'none'}"
    return ManifestError(
        f"method {sweep.method} of engine {engine} has no option {name!r}",
        path=sweep.path,
        line=sweep.line,
        key=f"sweeps.{sweep.name}.engine_options.{name}",
        hint=hint,
    )
