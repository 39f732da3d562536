"""Which searcher a sweep gets: the one place that knows them all, and imports none before it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from runner.errors import ManifestError, ProvisionError
from runner.model.space import Choice, Normal
from runner.model.sweep import Engine, Sweep
from runner.search.distinct import Engine as Proposing
from runner.search.distinct import EngineSearcher
from runner.search.draws import point
from runner.search.initial_points import InitialPoints
from runner.search.options import OptionValue, engines_of, options_of
from runner.search.protocol import Searcher
from runner.search.quasi_random import Halton
from runner.search.sequences import SequenceSearcher

Options = Mapping[str, OptionValue]

_HYPEROPT = "hyperopt>=0.3,<0.4"
_OPTUNA = "optuna>=5,<6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What an engine needs beside `runner`: modules, the extra that brings them, and what is in it."""

    modules: tuple[str, ...]
    extra: str
    requirements: tuple[str, ...]


NEEDS: Mapping[str, Needs] = {
    "hyperopt": Needs(modules=("hyperopt",), extra="tpe", requirements=(_HYPEROPT,)),
    "optuna": Needs(modules=("optuna",), extra="optuna", requirements=("cmaes>=0.11", _OPTUNA)),
    "adaptive_tpe": Needs(
        modules=("hyperopt", "lightgbm", "sklearn"),
        extra="adaptive-tpe",
        requirements=(_HYPEROPT, "lightgbm>=4.5", "scikit-learn>=1.5"),
    ),
    "cma_es": Needs(modules=("cmaes",), extra="optuna", requirements=("cmaes>=0.11", _OPTUNA)),
    "gaussian_process": Needs(
        modules=("optuna", "torch"), extra="gaussian-process", requirements=(_OPTUNA, "torch>=2.4")
    ),
}
"""By the method that needs more than its engine, or by the engine."""

SEVERAL_OBJECTIVES = frozenset({"random", "grid", "quasi_random", "tpe", "nsga2"})
"""Methods that can search for several objectives at once."""


class EngineMissing(ProvisionError):
    """A search engine cannot be imported where `runner` is. `needs` is what would have to be installed."""

    def __init__(self, sweep: Sweep, needs: Needs, reason: str) -> None:
        super().__init__(
            f"sweep {sweep.name!r}: method {sweep.method} needs the package {reason}",
            hint=f"pip install 'runner[{needs.extra}]', or search with method: random, quasi_random or grid",
        )
        self.needs = needs


def searcher_for(sweep: Sweep) -> Searcher:
    """The searcher of a sweep, whose seed is known.

    Initial points come first. In a finite space nothing is suggested twice, unless the `engine_options` say
    `allow_duplicates`; when everything was, there is nothing left.

    Raises ManifestError where the sweep's method, engine, options or space do not go together, EngineMissing
    (a ProvisionError) where packages are missing.
    """
    engine = check(sweep)
    assert sweep.seed is not None, "a seed is drawn when a sweep starts"
    _look_for_packages(sweep, engine)
    options = options_of(sweep, engine)
    searcher = (
        _sequence(sweep, sweep.seed, options)
        if engine == "builtin"
        else EngineSearcher(
            _engine(sweep, engine, sweep.seed, options),
            sweep.space,
            sweep.seed,
            allow_duplicates=bool(options.get("allow_duplicates")),
        )
    )
    return InitialPoints(searcher, sweep.initial_points) if sweep.initial_points else searcher


def check(sweep: Sweep) -> Engine:
    """The engine that a sweep is searched by. Imports nothing.

    Raises ManifestError where method, engine, options or space do not go together.
    """
    engine = sweep.engine or _default_engine(sweep)
    if engine not in engines_of(sweep.method):
        raise _wrong(
            sweep,
            "engine",
            f"engine {engine} has no method {sweep.method}",
            hint=f"leave engine out, or write engine: {engines_of(sweep.method)[0]}",
        )
    several = len(sweep.objectives) > 1
    if several and (sweep.method not in SEVERAL_OBJECTIVES or (sweep.method, engine) == ("tpe", "hyperopt")):
        raise _wrong(
            sweep,
            "metrics",
            f"method {sweep.method} of engine {engine} has one metric, "
            f"and {len(sweep.objectives)} are declared",
            hint="method: nsga2, or tpe with engine: optuna, searches for several",
        )
    if sweep.method == "grid" and not sweep.space.is_finite:
        name = next(d.name for d in sweep.space.dimensions if d.domain.size is None)
        raise _wrong(
            sweep,
            f"parameters.{name}",
            f"a grid needs a list of values of {name}, and it is continuous",
            hint="give it a step, or a list of values; or search with method: random",
        )
    if sweep.method == "adaptive_tpe":
        _check_adaptive_tpe(sweep)
    options_of(sweep, engine)
    return engine


def _look_for_packages(sweep: Sweep, engine: Engine) -> None:
    needs = NEEDS.get(sweep.method) or NEEDS.get(engine)
    if needs is None:
        return
    for module in needs.modules:
        if find_spec(module) is None:
            raise EngineMissing(sweep, needs, f"{module}, which is not installed")
        try:
            import_module(module)
        except ImportError as error:
            raise EngineMissing(sweep, needs, f"{module}, which cannot be imported: {error}") from None


def _default_engine(sweep: Sweep) -> Engine:
    engines = engines_of(sweep.method)
    return "optuna" if len(sweep.objectives) > 1 and "optuna" in engines else engines[0]


def _check_adaptive_tpe(sweep: Sweep) -> None:
    # What hyperopt's implementation fails at, somewhere inside.
    for dimension in sweep.space.dimensions:
        domain = dimension.domain
        is_weighted = isinstance(domain, Choice) and domain.probabilities is not None
        if is_weighted or isinstance(domain, Normal):
            raise _wrong(
                sweep,
                f"parameters.{dimension.name}",
                f"method adaptive_tpe knows no {'probabilities' if is_weighted else 'normal distribution'}",
                hint="search with method: tpe, or give a list of values, or min and max",
            )


def _wrong(sweep: Sweep, key: str, message: str, *, hint: str) -> ManifestError:
    where = f"sweeps.{sweep.name}.{key}"
    return ManifestError(f"{where}: {message}", path=sweep.path, line=sweep.line, key=where, hint=hint)


def _sequence(sweep: Sweep, seed: int, options: Options) -> Searcher:
    space = sweep.space
    nth: Callable[[int], Any] | None = None
    if sweep.method == "random":
        nth = lambda number: point(space, seed, number)  # noqa: E731
    elif sweep.method == "quasi_random":
        nth = Halton(space, seed).point
    return SequenceSearcher(
        space,
        nth,
        taken=sweep.initial_points,
        first=len(sweep.initial_points),
        allow_duplicates=bool(options.get("allow_duplicates")),
    )


def _engine(sweep: Sweep, engine: Engine, seed: int, options: Options) -> Proposing:
    name = "cma_es" if sweep.method == "cma_es" else engine
    engine_for: Callable[[Sweep, int, Options], Proposing]
    engine_for = import_module(f"runner.search.{name}_engine").engine_for
    own = {key: value for key, value in options.items() if key != "allow_duplicates"}
    return engine_for(sweep, seed, own)
