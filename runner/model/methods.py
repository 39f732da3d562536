"""Which engine offers which way of searching, and what can be set of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from runner.model.sweep import Engine, Method


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOption:
    """One thing that can be set. `minimum` and `maximum` are included; `words` are the texts it may be."""

    kind: Literal["int", "float", "bool", "word"]
    minimum: float | None = None
    maximum: float | None = None
    words: tuple[str, ...] = ()

    @property
    def must(self) -> str:
        """What a value must be, for a message."""
        if self.kind == "word":
            return f"one of {', '.join(self.words)}"
        if self.kind == "bool":
            return "true or false"
        noun = "a whole number" if self.kind == "int" else "a number"
        if self.minimum is not None and self.maximum is not None:
            return f"{noun} between {self.minimum:g} and {self.maximum:g}"
        return noun if self.minimum is None else f"{noun}, {self.minimum:g} or more"

    def accepts(self, value: object) -> bool:
        """Whether it can be set to `value`."""
        if self.kind in ("bool", "word"):
            return isinstance(value, bool) if self.kind == "bool" else value in self.words
        is_number = isinstance(value, int if self.kind == "int" else (int, float))
        if not is_number or isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum)


_START_UP = {"n_startup_trials": EngineOption(kind="int", minimum=0)}
_CANDIDATES = {"n_ei_candidates": EngineOption(kind="int", minimum=1)}
_SHARE = EngineOption(kind="float", minimum=0, maximum=1)
_POPULATION = EngineOption(kind="int", minimum=2)
_SWITCH = EngineOption(kind="bool")

ENGINE_OPTIONS: Mapping[Method, Mapping[Engine, Mapping[str, EngineOption]]] = {
    "tpe": {
        "hyperopt": {
            **_START_UP,
            **_CANDIDATES,
            "gamma": _SHARE,
            "prior_weight": EngineOption(kind="float", minimum=0),
        },
        "optuna": {
            **_START_UP,
            **_CANDIDATES,
            "multivariate": _SWITCH,
            "group": _SWITCH,
            "constant_liar": _SWITCH,
        },
    },
    "random": {"builtin": {}},
    "grid": {"builtin": {}},
    "quasi_random": {"builtin": {}},
    "anneal": {
        "hyperopt": {
            "avg_best_idx": EngineOption(kind="float", minimum=0),
            "shrink_coef": EngineOption(kind="float", minimum=0),
        }
    },
    "adaptive_tpe": {"hyperopt": {}},
    "cma_es": {
        "optuna": {
            **_START_UP,
            "sigma0": EngineOption(kind="float", minimum=0),
            "population_size": _POPULATION,
        }
    },
    "gaussian_process": {"optuna": {**_START_UP, "deterministic_objective": _SWITCH}},
    "nsga2": {
        "optuna": {
            "population_size": _POPULATION,
            "mutation_prob": _SHARE,
            "crossover_prob": _SHARE,
            "swapping_prob": _SHARE,
        }
    },
}
"""By method: its engines, the one that is taken first; by engine: its options."""


def engine_for(method: Method, engine: Engine | None = None) -> Engine:
    """The engine that searches: the one that was chosen, else the method's first."""
    first: Engine = next(iter(ENGINE_OPTIONS[method]))
    return engine or first


def takes_several_objectives(method: Method, engine: Engine) -> bool:
    """Whether it looks for the best compromises between several objectives."""
    return engine == "optuna" and method in ("tpe", "nsga2")
