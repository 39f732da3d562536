"""What a sweep would do, before it does anything."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from runner.model.run import RunStatus
from runner.model.space import Choice, Dimension, Domain, Params, Range
from runner.model.sweep import Sweep
from runner.model.sweep_order import SweepOrder
from runner.sweeping.asking import Asking
from runner.sweeping.budget import points_in_all, trials_in_all
from runner.sweeping.earlier import earlier_results
from runner.sweeping.entries import Suggested
from runner.sweeping.ledger import Ledger
from tracking_client.client import TrackingClient
from tracking_client.errors import TrackingError
from tracking_client.wire import names

if TYPE_CHECKING:
    from runner.sweeping.conductor import Conductor

_EARLIER_RUNS = 20
_ASKED_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`trials` is None for a grid without an end. `space` are names with their ranges, for people.

    `first` are the first suggestions, as they will be for this seed if no trial ends before they are
    asked for. `dead` are parameters that are searched without an effect. `seconds` is the time that the
    whole sweep takes by the median of `seconds_from` earlier runs of the entry point; None where there
    are none.
    """

    trials: int | None
    space: tuple[tuple[str, str], ...]
    first: tuple[Params, ...]
    dead: tuple[str, ...]
    seconds: float | None
    seconds_from: int

    def as_json(self) -> dict[str, object]:
        """The plan for machines."""
        return {
            "trials": self.trials,
            "space": dict(self.space),
            "first_suggestions": [dict(params) for params in self.first],
            "dead_parameters": list(self.dead),
            "seconds": self.seconds,
            "seconds_from_runs": self.seconds_from,
        }


def plan_of(order: SweepOrder, conductor: Conductor, *, suggestions: int) -> Plan:
    """The plan. Asks the tracking server for earlier runs, if it is there; starts nothing."""
    sweep = order.sweep
    trials = trials_of(sweep)
    durations = _earlier_seconds(order, conductor)
    at_once = max(1, min(sweep.parallel, trials or sweep.parallel))
    return Plan(
        trials=trials,
        space=tuple((d.name, _described(d)) for d in sweep.space.dimensions),
        first=_first(sweep, conductor, min(suggestions, trials or suggestions)),
        dead=dead_parameters(order),
        seconds=median(durations) * -(-trials // at_once) if durations and trials else None,
        seconds_from=len(durations),
    )


def trials_of(sweep: Sweep) -> int | None:
    """How many trials the budget holds, with repeats.

    None where it is as many as the space has and that is no number.
    """
    return trials_in_all(sweep, points_in_all(sweep, sweep.max_trials))


def dead_parameters(order: SweepOrder) -> tuple[str, ...]:
    """The searched parameters that the command has no place for."""
    entry_point = order.trial.entry_point
    if entry_point.script:
        return ()
    declared = {parameter.name for parameter in entry_point.parameters}
    used = set(entry_point.template().names)
    return tuple(name for name in order.sweep.space.names if name in declared and name not in used)


def _first(sweep: Sweep, conductor: Conductor, count: int) -> tuple[Params, ...]:
    """The first suggestions, each made while all before it are still running."""
    if sweep.seed is None:
        return ()
    ledger = Ledger(sweep)
    asking = Asking(conductor.searcher_for(sweep), ledger)
    learned = earlier_results(sweep, conductor.recorder.client, conductor.settings.state_dir)
    if learned is not None:
        asking.follow(learned)
    first: list[Params] = []
    for number in range(count):
        params = asking.suggest(number)
        if params is None:
            break
        first.append(params)
        suggested = Suggested(point=number, params=params)
        ledger.apply(suggested)
        asking.follow(suggested)
    return tuple(first)


def _earlier_seconds(order: SweepOrder, conductor: Conductor) -> list[float]:
    """How long the latest finished runs of the entry point took, in this project."""
    client: TrackingClient = conductor.recorder.client
    database = client.local_database
    if database is not None and not database.exists():
        return []
    filter_string = (
        f"tags.`{names.PROJECT_ENTRY_POINT}` = '{order.sweep.entry_point}' "
        f"and attributes.status = '{RunStatus.FINISHED.value}'"
    )
    with suppress(TrackingError):
        asked = client.apart(_ASKED_WITHIN_S)
        experiments = [experiment.experiment_id for experiment in asked.find_experiments()]
        runs = asked.search_runs(experiments, filter_string, max_results=_EARLIER_RUNS)
        source = order.trial.checkout.provenance.source_name
        return [
            (run.info.end_time - run.info.start_time) / 1000
            for run in runs
            if run.info.end_time and run.info.start_time and run.data.tags.get(names.SOURCE_NAME) == source
        ]
    return []


def _described(dimension: Dimension) -> str:
    when = " and ".join(f"{name} is {' or '.join(map(str, values))}" for name, values in dimension.when)
    return _range(dimension.domain) + (f", when {when}" if when else "")


def _range(domain: Domain) -> str:
    if isinstance(domain, Choice):
        return " | ".join(map(str, domain.values))
    scale = ", on a log scale" if domain.log else ""
    step = "" if domain.step is None else f", in steps of {domain.step:g}"
    if isinstance(domain, Range):
        whole = "whole numbers " if domain.integer else ""
        return f"{whole}{domain.minimum:g} to {domain.maximum:g}{scale}{step}"
    return f"around {domain.mean:g} ± {domain.deviation:g}{scale}{step}"
