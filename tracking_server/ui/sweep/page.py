"""The page of a sweep: how it stands, who leads, and what the trials have shown so far."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.artifacts.threads import in_thread
from tracking_server.services import Services
from tracking_server.store.clock import now_ms
from tracking_server.ui import wording
from tracking_server.ui.frame import json_reply, page
from tracking_server.ui.run import heading
from tracking_server.ui.sweep import (
    best,
    choices,
    contour,
    curves,
    declared,
    importance,
    parallel,
    plots,
    space,
    standing,
    table,
    timeline,
    tradeoff,
    trials,
)
from tracking_server.ui.sweep.scales import Axis, shortened
from tracking_server.ui.sweep.trials import Sweep, Trial

_MOST_IN_FIGURES = 1_000
_REFRESHED_EVERY_MS = 10_000
_MOST_UNDER_POINTER = 10


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the store says. `sample` are the trials in figures, which know all their `names` of parameters.

    Those in `even` are in it whatever they came to.
    """

    heading: heading.Heading
    sweep: Sweep
    names: list[str]
    more_names: int
    sample: list[Trial]
    even: list[Trial]
    passing: list[Trial]
    leader: best.Best | None
    curves: list[tuple[Trial, curves.Curve]]
    others: list[tradeoff.Other]


@lru_cache(maxsize=1)
def _drawers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="figures")


async def show(services: Services, request: Request) -> Response:
    """A sweep, or any run that others are nested under."""
    run_id = str(request.path_params["run_id"])
    chosen = choices.read(request.query_params)
    above = await services.database.read(lambda connection: heading.of(connection, run_id))
    said = await in_thread(declared.of, services.places, above.run.artifact_uri)
    seen = await services.database.read(lambda connection: _look(connection, run_id, chosen, said))
    present_ms = now_ms()
    axes = space.axes(seen.names, seen.sample, said)
    importances = await _importances(seen, axes)
    drawn = await asyncio.get_running_loop().run_in_executor(
        _drawers(), _drawn, seen, chosen, axes, importances, present_ms
    )
    stands = standing.of(seen.sweep, seen.heading.run, present_ms)
    return page(
        request,
        "sweep.html",
        tab="sweep",
        heading=seen.heading,
        sweep=seen.sweep,
        chosen=chosen,
        standing=stands,
        elsewhere=best.elsewhere(seen.sweep),
        left="" if stands.ends_in_ms is None else wording.span(0, stands.ends_in_ms, 0),
        best=seen.leader,
        importances=importances,
        more_names=seen.more_names,
        version=_version(seen.sweep.version, stands.is_running, present_ms),
        now_ms=present_ms,
        shortened=shortened,
        brief=table.brief,
        **drawn,
    )


async def state(services: Services, request: Request) -> Response:
    """Whether the page has changed: its version, as JSON."""
    run_id = str(request.path_params["run_id"])

    def look(connection: Connection) -> tuple[str, bool]:
        above = heading.of(connection, run_id)
        is_running = above.run.status in ("RUNNING", "SCHEDULED")
        return trials.version(connection, above.row_id, run_id, above.run.status), is_running

    found, is_running = await services.database.read(look)
    answer = {"version": _version(found, is_running, now_ms()), "running": is_running}
    return json_reply(request, answer)


async def details(services: Services, request: Request) -> Response:
    """What is shown of a trial under the pointer: those that are in figures, as JSON by number."""
    run_id = str(request.path_params["run_id"])
    chosen = choices.read(request.query_params)
    above = await services.database.read(lambda connection: heading.of(connection, run_id))
    said = await in_thread(declared.of, services.places, above.run.artifact_uri)

    def look(connection: Connection) -> list[Trial]:
        sweep = trials.of(connection, above.row_id, run_id, chosen, said.modes)
        names, _ = space.varying(connection, sweep.trials, said)
        shown = [trial for trial in sweep.trials if not trial.is_superseded][-2 * plots.MOST_DOTS :]
        space.with_parameters(connection, shown, names[:_MOST_UNDER_POINTER])
        return shown

    answer = {
        trial.number: {
            "name": trial.name,
            "run": trial.run_id,
            "state": trial.state,
            "value": "" if trial.value is None else wording.number(trial.value),
            "params": [[name, value[:80]] for name, value in trial.params.items()],
        }
        for trial in await services.database.read(look)
    }
    return await in_thread(json_reply, request, answer)


def _version(found: str, is_running: bool, at_ms: int) -> str:
    # What running trials log changes nothing that is counted: they are looked at again after a while.
    return f"{found}.{at_ms // _REFRESHED_EVERY_MS}" if is_running else found


def _look(connection: Connection, run_id: str, chosen: choices.Choices, said: declared.Declared) -> _Seen:
    above = heading.of(connection, run_id)
    sweep = trials.of(connection, above.row_id, run_id, chosen, said.modes, status=above.run.status)
    names, more = space.varying(connection, sweep.counted or sweep.trials, said)
    leader = best.of(sweep, said.aggregate)
    sample, even = _sample(sweep, leader)
    space.with_parameters(connection, sample, names)
    asked = list(chosen.within)
    if chosen.sort.startswith(table.PARAMETER):
        asked.append(chosen.sort.removeprefix(table.PARAMETER))
    if asked:
        space.with_parameters(connection, sweep.trials, asked)
    passing = [trial for trial in sweep.trials if table.passes(trial, chosen)]
    shown = table.of(passing, chosen, sweep.objective, names, 0)
    space.with_parameters(connection, [row.trial for row in shown.rows], names)
    drawn = [] if sweep.objective is None else curves.read(connection, sweep.counted, sweep.objective)
    return _Seen(
        heading=above,
        sweep=sweep,
        names=names,
        more_names=more,
        sample=sample,
        even=even,
        passing=passing,
        leader=leader,
        curves=drawn,
        others=tradeoff.read(connection, sweep),
    )


def _sample(sweep: Sweep, leader: best.Best | None) -> tuple[list[Trial], list[Trial]]:
    """The trials whose parameters figures show, and those of them that are evenly spread.

    All, or the best quarter of so many and some of the others.
    """
    counted = sweep.counted
    if len(counted) <= _MOST_IN_FIGURES or sweep.objective is None:
        return counted[-_MOST_IN_FIGURES:], counted[-_MOST_IN_FIGURES:]
    loss = sweep.objective.loss
    ranked = sorted((t for t in counted if t.counts), key=lambda t: loss(t.value or 0.0))
    wanted = {t.row for t in ranked[: _MOST_IN_FIGURES // 4]}
    room = _MOST_IN_FIGURES - len(wanted) - 1
    even = {counted[n * (len(counted) - 1) // (room - 1)].row for n in range(room)}
    if leader is not None:
        wanted.add(leader.trial.row)
    return [t for t in counted if t.row in wanted or t.row in even], [t for t in counted if t.row in even]


async def _importances(seen: _Seen, axes: Mapping[str, Axis]) -> list[importance.Importance] | None:
    objective = seen.sweep.objective
    if objective is None:
        return []
    ended = sum(trial.counts for trial in seen.sweep.counted)
    last_ms = max((trial.end_ms or 0 for trial in seen.sweep.counted), default=0)
    # Sign and scale do not matter to a forest of ranks: both goals have the same importances.
    key = (seen.heading.run.run_id, objective.metric, ended, last_ms)
    return await importance.soon(key, seen.even, axes)


def _drawn(
    seen: _Seen,
    chosen: choices.Choices,
    axes: Mapping[str, Axis],
    importances: list[importance.Importance] | None,
    present_ms: int,
) -> dict[str, Any]:
    sweep, objective = seen.sweep, seen.sweep.objective
    ordered = plots.by_importance(axes.values(), importances)
    drawn: dict[str, Any] = {
        "axes": ordered,
        "timeline": timeline.of(sweep.trials, present_ms),
        "table": table.of(seen.passing, chosen, objective, seen.names, present_ms),
        "history": None,
        "slices": [],
        "parallel": None,
        "contour": None,
        "curves": None,
        "pair": (None, None),
        "tradeoffs": [],
    }
    ends = (
        None
        if objective is None
        else plots.objective_axis(objective, [t.value for t in sweep.counted if t.value is not None])
    )
    if objective is None or ends is None:
        return drawn
    value_axis, beyond = ends
    numbers = frozenset(trial.number for trial in seen.passing)
    leader = None if seen.leader is None else seen.leader.trial.number
    x, y = _pair(chosen, axes, ordered)
    return drawn | {
        "history": plots.history(sweep, value_axis, beyond),
        "slices": plots.slices(sweep, seen.sample, ordered, value_axis),
        "parallel": parallel.of(seen.sample, ordered, value_axis, objective, numbers),
        "contour": None if x is None or y is None else contour.of(seen.sample, x, y, objective),
        "pair": (x, y),
        "curves": curves.of(seen.curves, objective, leader, len(sweep.counted)),
        "tradeoffs": [
            plot for other in seen.others if (plot := tradeoff.of(sweep, other, value_axis)) is not None
        ],
    }


def _pair(
    chosen: choices.Choices, axes: Mapping[str, Axis], ordered: Sequence[Axis]
) -> tuple[Axis | None, Axis | None]:
    """The pair of parameters that was chosen, or the two that matter most."""
    x = axes.get(chosen.x)
    y = axes.get(chosen.y)
    rest = [axis for axis in ordered if axis not in (x, y)]
    if x is None and rest:
        x = rest.pop(0)
    if (y is None or y is x) and rest:
        y = rest.pop(0)
    return x, None if y is x else y
