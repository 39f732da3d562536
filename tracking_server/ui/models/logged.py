"""The logged models of an experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import comparing, experiments
from tracking_server.store.records import Experiment, LoggedModel, WireFloat
from tracking_server.store.registry.schema import model_versions, registered_models
from tracking_server.store.searching import search
from tracking_server.store.searching.paging import Page, SearchRequest
from tracking_server.ui.frame import page

PER_PAGE = 50
MOST_COLUMNS = 8
"""So many metrics have a column: those that most models have."""
MOST_VERSIONS = 500
_WORDS = {
    "LOGGED_MODEL_PENDING": ("Pending", "running"),
    "LOGGED_MODEL_READY": ("Ready", "finished"),
    "LOGGED_MODEL_UPLOAD_FAILED": ("Upload failed", "failed"),
}
"""Of each state the words and the colour, which is that of the run's state like it."""

Versions = dict[str, list[tuple[str, int]]]


async def show(services: Services, request: Request) -> Response:
    """The logged models of an experiment, the newest first, or those that pass a filter."""
    query = request.query_params
    experiment_id = str(request.path_params["experiment_id"])
    wanted = query.get("filter", "").strip()
    problem = ""

    def look(
        connection: Connection, text: str
    ) -> tuple[Experiment, Page[LoggedModel], dict[str, str], Versions]:
        experiment = experiments.get(connection, experiment_id)
        asked = SearchRequest(filter=text, max_results=PER_PAGE, page_token=query.get("page_token", ""))
        listed = search.logged_models(connection, [experiment_id], asked)
        ids = {model.info.source_run_id for model in listed.items if model.info.source_run_id}
        rows = comparing.rows_of(connection, sorted(ids))
        models = [model.info.model_id for model in listed.items]
        return experiment, listed, {row.uuid: row.name for row in rows}, _registered(connection, models)

    try:
        experiment, listed, run_names, versions = await services.database.read(lambda c: look(c, wanted))
    except InvalidParameter as error:
        if not wanted:
            raise
        problem = str(error)
        experiment = await services.database.read(lambda c: experiments.get(c, experiment_id))
        listed, run_names, versions = Page(items=[]), {}, {}
    latest = {model.info.model_id: _latest(model) for model in listed.items}
    columns = _columns(list(latest.values()))
    return page(
        request,
        "logged_models.html",
        tab="models",
        experiment=experiment,
        models=listed.items,
        latest=latest,
        columns=columns[:MOST_COLUMNS],
        columns_left_out=max(0, len(columns) - MOST_COLUMNS),
        run_names=run_names,
        versions=versions,
        words=_WORDS,
        next_page_token=listed.next_page_token,
        filter=wanted,
        problem=problem,
    )


def _registered(connection: Connection, model_ids: Sequence[str]) -> Versions:
    wanted = (
        select(model_versions.c.model_uuid, registered_models.c.name, model_versions.c.version)
        .join(registered_models, registered_models.c.id == model_versions.c.registered_model_id)
        .where(model_versions.c.model_uuid.in_(model_ids))
        .order_by(registered_models.c.name, model_versions.c.version.desc())
        .limit(MOST_VERSIONS)
    )
    found: Versions = {}
    for model_id, name, version in connection.execute(wanted):
        found.setdefault(model_id, []).append((name, version))
    return found


def _latest(model: LoggedModel) -> dict[str, WireFloat]:
    """The latest value of each metric, whichever data set it was measured on."""
    newest: dict[str, tuple[int, int, WireFloat]] = {}
    for metric in model.data.metrics:
        at = (metric.timestamp, metric.step)
        if metric.key not in newest or at >= newest[metric.key][:2]:
            newest[metric.key] = (*at, metric.value)
    return {key: value for key, (_, _, value) in newest.items()}


def _columns(values: Sequence[dict[str, WireFloat]]) -> list[str]:
    """The metrics that most models have first; equally common ones by name."""
    counts = Counter(key for each in values for key in each)
    return sorted(counts, key=lambda key: (-counts[key], key))
