"""The parameters that differ between trials, each with the axis that it is drawn on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from tracking_server.store import compared_runs
from tracking_server.ui.sweep.declared import Declared
from tracking_server.ui.sweep.scales import Axis, names_axis, number_of, numbers_axis
from tracking_server.ui.sweep.trials import Trial

MOST_PARAMETERS = 30
_MOST_VALUES_SAMPLED = 6_000


def varying(connection: Connection, trials: Sequence[Trial], declared: Declared) -> tuple[list[str], int]:
    """Names of the parameters that differ, in the order of the declaration; and how many more there are."""
    sample = compared_runs.parameter_sample(connection, [trial.row for trial in trials], _MOST_VALUES_SAMPLED)
    seen: dict[str, set[str]] = {}
    count: dict[str, int] = {}
    for params in sample:
        for name, value in params.items():
            seen.setdefault(name, set()).add(value)
            count[name] = count.get(name, 0) + 1
    differing = [name for name in seen if len(seen[name]) > 1 or count[name] < len(sample)]
    wanted = [name for name in declared.parameters if name in seen]
    wanted += sorted(set(differing) - set(wanted) - {declared.seed_parameter})
    return wanted[:MOST_PARAMETERS], max(0, len(wanted) - MOST_PARAMETERS)


def axes(names: Sequence[str], trials: Sequence[Trial], declared: Declared) -> dict[str, Axis]:
    """An axis for each parameter, for the values that trials have of it; none for one without values."""
    return {name: axis for name in names if (axis := _axis(name, trials, declared)) is not None}


def _axis(name: str, trials: Sequence[Trial], declared: Declared) -> Axis | None:
    texts = [trial.params[name] for trial in trials if name in trial.params]
    if not texts:
        return None
    numbers = [number for text in texts if (number := number_of(text)) is not None]
    if len(numbers) < len(texts) or name in declared.names:
        return names_axis(name, texts)
    if name in declared.log:
        return numbers_axis(name, numbers, log=True)
    return numbers_axis(name, numbers, log=False if name in declared.linear else None)


def with_parameters(
    connection: Connection, trials: Sequence[Trial], names: Sequence[str]
) -> Mapping[int, Mapping[str, str]]:
    """Gives trials their parameters of these names, in addition to those that they have."""
    found = compared_runs.parameters(connection, [trial.row for trial in trials], names)
    for trial in trials:
        trial.params = {**trial.params, **found.get(trial.row, {})}
    return found
