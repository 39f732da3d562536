"""Charts of many runs of an experiment: which they are stands in the address, their values in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tracking_client.wire import names
from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import experiments, run_cells, run_keys
from tracking_server.store.records import Experiment, RunInfo
from tracking_server.store.run_cells import Cells, Keys
from tracking_server.store.searching import run_search
from tracking_server.store.searching.paging import SearchRequest
from tracking_server.ui import colours, wording
from tracking_server.ui.charts import chart_list, image_series
from tracking_server.ui.charts import settings as line_settings
from tracking_server.ui.charts.arrangement import NO_CHARTS, Arrangement
from tracking_server.ui.charts.chart_list import BANDS, KINDS, MOST_CHARTS, Chart
from tracking_server.ui.charts.pattern import finder
from tracking_server.ui.charts.query_fields import number, whole_number
from tracking_server.ui.charts.settings import LineSettings
from tracking_server.ui.frame import page
from tracking_server.ui.runs.columns import Column, by_itself, keys_of
from tracking_server.ui.runs.view import read as read_view

DEFAULT_RUNS = 100
MOST_RUNS = 1_000
_LOOKED_AT_FOR_CHARTS = 50
_KEYS_OF_A_RUN = 60
_MOST_FOUND_BY_NAME = 48
_MOST_OFFERED = 500
_ADD = "add"
_SYSTEM_TAGS = "mlflow."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A run in the table of values, with the texts and exact values of its cells."""

    run: RunInfo
    colour: int
    cells: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the address asks for; `charts` is None where nobody chose any."""

    filter: str
    order: str
    lifecycle: str
    runs: tuple[str, ...]
    most: int
    search: str
    is_found: Callable[[str], bool]
    charts: tuple[Chart, ...] | None
    settings: LineSettings
    step: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the store has of it. `is_cut`: more runs pass than are shown. `pictured` are those with images.

    `shown` are the charts whose titles pass the search.
    """

    experiment: Experiment
    infos: Mapping[int, RunInfo]
    is_cut: bool
    charts: Sequence[Chart]
    shown: Sequence[Chart]
    cells: Mapping[int, Cells]
    offered: Sequence[str]
    pictured: Sequence[RunInfo]


async def show(services: Services, request: Request) -> Response:
    """The charts of an experiment. A form that adds one is answered with the way to the page that has it."""
    query = request.query_params
    experiment_id = str(request.path_params["experiment_id"])
    problem = ""
    added: Chart | None = None
    try:
        wanted = _wanted(query)
        added = _added(query)
        found = await services.database.read(lambda connection: _found(connection, experiment_id, wanted))
    except InvalidParameter as error:
        problem = str(error)
        wanted = _wanted(QueryParams([("chart", text) for text in _readable(query)]))
        found = await services.database.read(lambda connection: _found(connection, experiment_id, wanted))
    own = f"/experiments/{experiment_id}/charts"
    arrangement = Arrangement(own=own, query=query, charts=found.charts)
    if added is not None:
        kept = QueryParams([pair for pair in query.multi_items() if not _is_of_form(pair[0])])
        return RedirectResponse(arrangement.with_one_more(added, kept), status_code=302)
    columns = list(dict.fromkeys(column for chart in found.shown for column in chart.used))
    picked = read_view(query).colours
    images = {
        chart.key: await in_thread(image_series.at, services, found.pictured, chart.key, wanted.step)
        for chart in found.shown
        if chart.kind == "images"
    }
    return page(
        request,
        "experiment_charts.html",
        tab="charts",
        experiment=found.experiment,
        own=own,
        charts=found.shown,
        is_own_list=wanted.charts is not None,
        arrangement=arrangement,
        columns=columns,
        lines=[_line(id_, run, columns, found.cells, picked) for id_, run in found.infos.items()],
        is_cut=found.is_cut,
        offered=found.offered,
        kinds=KINDS,
        bands=BANDS,
        images=images,
        wanted=wanted,
        settings=wanted.settings,
        across=[name.removeprefix("metrics.") for name in found.offered if name.startswith("metrics.")][:300],
        problem=problem,
        form_fields=[name for name in query if _is_of_form(name)],
    )


def _wanted(query: QueryParams) -> _Wanted:
    """Raises InvalidParameter."""
    view = read_view(query)
    search = query.get("search", "").strip()
    step = number(query, "step")
    texts = query.getlist("chart")[:MOST_CHARTS]
    return _Wanted(
        filter=view.filter,
        order=view.order,
        lifecycle=view.search().view,
        runs=tuple(dict.fromkeys(query.getlist("run")[:MOST_RUNS])),
        most=whole_number(query, "runs", default=DEFAULT_RUNS, least=1, most=MOST_RUNS),
        search=search,
        is_found=finder(search),
        charts=tuple(chart_list.read(text) for text in texts if text != NO_CHARTS) if texts else None,
        settings=line_settings.read(query),
        step=None if step is None else int(step),
    )


def _readable(query: QueryParams) -> list[str]:
    """The charts of an address that can be read, so that one that cannot takes none of the others away."""
    found = []
    for text in query.getlist("chart")[:MOST_CHARTS]:
        try:
            chart_list.read(text)
        except InvalidParameter:
            continue
        found.append(text)
    return found


def _is_of_form(name: str) -> bool:
    """Whether a field is of the form that adds a chart, and so of no page."""
    return name == _ADD or name.startswith(f"{_ADD}_")


def _added(query: QueryParams) -> Chart | None:
    """The chart that a form adds. Raises InvalidParameter."""
    if _ADD not in query:
        return None
    given = [
        (name.removeprefix(f"{_ADD}_"), value) for name, value in query.multi_items() if _is_of_form(name)
    ]
    return chart_list.of_fields(QueryParams([("kind", query[_ADD]), *given]))


def _found(connection: Connection, experiment_id: str, wanted: _Wanted) -> _Found:
    experiment = experiments.get(connection, experiment_id)
    row = int(experiment.experiment_id)
    is_cut = False
    if wanted.runs:
        ids = run_cells.row_ids(connection, wanted.runs)
    else:
        asked = SearchRequest(
            filter=wanted.filter,
            order_by=(wanted.order,) if wanted.order else (),
            view=wanted.lifecycle,
            max_results=wanted.most,
        )
        ids, token = run_search.page_of_runs(connection, [row], asked)
        is_cut = token is not None
    infos = run_cells.infos(connection, ids)
    offered = _offered(connection, row)
    charts = wanted.charts
    if charts is None:
        charts = _by_itself(connection, list(infos), offered, wanted)
    shown = [chart for chart in charts if wanted.is_found(chart.title)]
    columns = list(dict.fromkeys(column for chart in shown for column in chart.used))
    return _Found(
        experiment=experiment,
        infos=infos,
        is_cut=is_cut,
        charts=charts,
        shown=shown,
        cells=run_cells.of(connection, list(infos), keys_of(columns)),
        offered=offered[:_MOST_OFFERED],
        pictured=_pictured(connection, infos) if any(chart.kind == "images" for chart in shown) else (),
    )


def _pictured(connection: Connection, infos: Mapping[int, RunInfo]) -> list[RunInfo]:
    """The runs that say of themselves that they logged images."""
    tag = names.LOGGED_IMAGES
    cells = run_cells.of(connection, list(infos), Keys(tags=[tag]))
    return [run for id_, run in infos.items() if tag in cells[id_].tags]


def _offered(connection: Connection, row: int) -> list[str]:
    """The names that a chart can be made of."""
    tags = [name for name in run_keys.tags_of(connection, row) if not name.startswith(_SYSTEM_TAGS)]
    return [
        *(f"metrics.{name}" for name in run_keys.metrics_of(connection, row)),
        *(f"params.{name}" for name in run_keys.params_of(connection, row)),
        *(f"tags.{name}" for name in tags),
    ]


def _by_itself(
    connection: Connection, ids: Sequence[int], offered: Sequence[str], wanted: _Wanted
) -> tuple[Chart, ...]:
    """Where nobody chose: a chart for each metric that a pattern finds, or that most of the runs have.

    A metric that has a single point in each of the first runs is a bar and not a line.
    """
    looked_at = ids[:_LOOKED_AT_FOR_CHARTS]
    if wanted.search:
        metrics = [name.removeprefix("metrics.") for name in offered if name.startswith("metrics.")]
        found = [name for name in metrics if wanted.is_found(name)][:_MOST_FOUND_BY_NAME]
        columns = [Column(entity="metrics", key=name) for name in found]
    else:
        common, _ = by_itself(run_cells.first_keys(connection, looked_at, _KEYS_OF_A_RUN))
        columns = [column for column in common if column.entity == "metrics"]
    cells = run_cells.of(connection, looked_at, keys_of(columns))
    curves = {name for cell in cells.values() for name, point in cell.metrics.items() if point.step != 0}
    return tuple(
        Chart(kind="line" if column.key in curves else "bar", columns={"y": column}) for column in columns
    )


def _line(
    id_: int, run: RunInfo, columns: Sequence[Column], cells: Mapping[int, Cells], picked: Mapping[str, int]
) -> Line:
    return Line(
        run=run,
        colour=picked.get(run.run_id, colours.of_run(run.run_id)) % colours.COUNT,
        cells=[_cell(column, cells[id_]) for column in columns],
    )


def _cell(column: Column, cells: Cells) -> tuple[str, str]:
    """What a table shows of a value, and the value itself."""
    if column.entity == "metrics":
        found = cells.metrics.get(column.key)
        return ("", "") if found is None else (wording.number(found.value), str(found.value))
    texts: dict[str, Any] = cells.params if column.entity == "params" else cells.tags
    text = str(texts.get(column.key, ""))
    return text, text
