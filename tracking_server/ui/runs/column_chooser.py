"""Which columns a table of runs has: a form with all that the experiment's runs were given and measured."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.services import Services
from tracking_server.store import experiments, run_keys
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Experiment
from tracking_server.ui.frame import page
from tracking_server.ui.runs import reading
from tracking_server.ui.runs.columns import ATTRIBUTES, Column
from tracking_server.ui.runs.view import View, read

MOST_SHOWN = 200
"""Of each kind; a search finds the others."""


async def show(services: Services, request: Request) -> Response:
    """All columns there could be, those that are shown now ticked; `?search=` narrows them."""
    experiment_id = str(request.path_params["experiment_id"])
    view = read(request.query_params)
    wanted = request.query_params.get("search", "").strip().lower()
    present_ms = now_ms()

    def look(connection: Connection) -> tuple[Experiment, list[Column], dict[str, list[Column]]]:
        found = experiments.get(connection, experiment_id)
        row = int(found.experiment_id)
        shown = _shown(connection, row, view, present_ms)
        possible = {
            "Metrics": [
                Column(entity="metrics", key=key, reduction=reduction)
                for key in run_keys.metrics_of(connection, row)
                for reduction in ("", "min", "max")
            ],
            "Parameters": [Column(entity="params", key=key) for key in run_keys.params_of(connection, row)],
            "Tags": [Column(entity="tags", key=key) for key in run_keys.tags_of(connection, row)],
            "About the run": [Column(entity="attributes", key=key) for key in ATTRIBUTES],
        }
        return found, shown, possible

    experiment, shown, possible = await services.database.read(look)
    matching = {
        kind: [column for column in columns if column not in shown and wanted in column.title.lower()]
        for kind, columns in possible.items()
    }
    return page(
        request,
        "columns.html",
        tab="runs",
        experiment=experiment,
        shown=shown,
        kinds={kind: columns[:MOST_SHOWN] for kind, columns in matching.items()},
        left_out=sum(len(columns[MOST_SHOWN:]) for columns in matching.values()),
        search=wanted,
    )


def _shown(connection: Connection, experiment: int, view: View, present_ms: int) -> list[Column]:
    if view.columns is not None:
        return list(view.columns)
    return list(reading.read(connection, experiment, view, present_ms).table.columns)
