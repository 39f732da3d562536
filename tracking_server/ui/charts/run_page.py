"""All metrics of a run as charts, in sections by what stands before the slash."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import metric_keys, metrics, series
from tracking_server.store.records import Metric
from tracking_server.store.series import SeriesPoint
from tracking_server.ui.charts import settings as line_settings
from tracking_server.ui.charts.curve import Drawing, drawn
from tracking_server.ui.charts.pattern import finder
from tracking_server.ui.charts.sections import Section, sections
from tracking_server.ui.charts.settings import LineSettings
from tracking_server.ui.frame import page
from tracking_server.ui.run import heading

MOST_CHARTS = 2_000
"""How many metrics one page names; a pattern leads to the others."""

DRAWN_BY_SERVER = 12
_DRAWN_WITHIN_S = 0.1
_DRAWN_POINTS = 150
_MOST_ACROSS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What the page is made of. `drawings` are those of the first metrics, by name.

    `previews` are the metrics of which only some points are drawn, peaks perhaps not among them.
    """

    above: heading.Heading
    latest: Mapping[str, Metric]
    total: int
    sections: Sequence[Section]
    drawings: Mapping[str, Drawing]
    previews: AbstractSet[str]


async def show(services: Services, request: Request) -> Response:
    """All metrics of a run; with `search`, those whose names it is found in."""
    query = request.query_params
    run_id = request.path_params["run_id"]
    search = query.get("search", "").strip()
    problem = ""
    try:
        wanted = finder(search)
        settings = line_settings.read(query)
    except InvalidParameter as error:
        problem = str(error)
        wanted, settings = finder(""), LineSettings()

    def look(connection: Connection) -> _Shown:
        above = heading.of(connection, run_id)
        latest = {metric.key: metric for metric in metrics.latest(connection, [above.row_id])[above.row_id]}
        names = [name for name in latest if wanted(name)]
        shown = sections(names[:MOST_CHARTS])
        drawer = _Drawer(connection, above, settings)
        return _Shown(
            above=above,
            latest=latest,
            total=len(names),
            sections=shown,
            drawings=drawer.drawings(_first(shown)),
            previews=drawer.previews,
        )

    found = await services.database.read(look)
    return page(
        request,
        "run_charts.html",
        tab="charts",
        heading=found.above,
        sections=found.sections,
        drawings=found.drawings,
        previews=found.previews,
        latest=found.latest,
        total=found.total,
        most=MOST_CHARTS,
        across=_across(found.latest, settings),
        search=search,
        settings=settings,
        problem=problem,
        only=only,
    )


def only(name: str) -> str:
    """The pattern that finds one metric alone."""
    return f"^{re.escape(name)}$"


def _first(shown: Sequence[Section]) -> list[str]:
    """The metrics that are seen first."""
    return [name for section in shown if not section.is_folded for name in section.names][:DRAWN_BY_SERVER]


def _across(latest: Mapping[str, Metric], settings: LineSettings) -> list[str]:
    """The metrics that can be chosen to stand across, with the one that does."""
    names = list(latest)[:_MOST_ACROSS]
    chosen = settings.across_metric
    return names if not chosen or chosen in names else [chosen, *names]


class _Drawer:
    """Draws metrics of one run, as many as can be at once; scripts fetch the others, and long ones whole."""

    def __init__(self, connection: Connection, above: heading.Heading, settings: LineSettings) -> None:
        self._connection = connection
        self._run = above.row_id
        self._start_ms = above.run.start_time
        self._settings = settings
        self._axis: series.Axis = "step" if settings.axis == "step" else "time"
        self.previews: set[str] = set()

    def drawings(self, names: Sequence[str]) -> dict[str, Drawing]:
        settings = self._settings
        keys = metric_keys.find(self._connection, [*names, settings.across_metric])
        until = time.monotonic() + _DRAWN_WITHIN_S
        part = line_settings.stored_range(settings.axis, settings.within, self._start_ms)
        across = self._points(settings.across_metric, keys, None)
        found: dict[str, Drawing] = {}
        for name in names:
            if time.monotonic() > until:
                break
            points = self._points(name, keys, part)
            found[name] = drawn(points, settings, start_ms=self._start_ms, across=across)
        return found

    def _points(
        self, name: str, keys: Mapping[str, int], within: tuple[int, int] | None
    ) -> Sequence[SeriesPoint]:
        if name not in keys:
            return ()
        one = (self._connection, self._run, keys[name])
        if within is None and series.is_long(*one):
            self.previews.add(name)
            return series.glimpse(*one, most=_DRAWN_POINTS, axis=self._axis)
        return series.read(*one, most=_DRAWN_POINTS, axis=self._axis, within=within).points
