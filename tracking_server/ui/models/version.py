"""One version of a registered model: where it comes from, what it measured, what it takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import NotFound, ServerError
from tracking_server.services import Services
from tracking_server.store import experiments, logged_models, runs
from tracking_server.store.records import Experiment, LoggedModel, Metric, Run, Tag
from tracking_server.store.registry import model_versions
from tracking_server.store.registry.records import STAGES, ModelVersion
from tracking_server.store.registry.schema import model_versions as version_rows
from tracking_server.ui import artifact_head
from tracking_server.ui.address import url
from tracking_server.ui.artifacts import model as described
from tracking_server.ui.artifacts.outline import Unreadable
from tracking_server.ui.frame import page
from tracking_server.ui.models.model import model_of
from tracking_server.ui.models.page import own_tags

MOST_ROWS = 200
"""So many parameters and metrics are shown; the run's page has them all."""
MOST_OTHERS = 100
"""So many other versions can be chosen to compare with."""
MOST_BYTES = 500_000
"""How long an `MLmodel` file may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A version with what it was made of, as far as that is in the store; `others` by number, with a run."""

    version: ModelVersion
    location: str
    run: Run | None
    experiment: Experiment | None
    logged: LoggedModel | None
    others: Sequence[tuple[int, str]]


async def show(services: Services, request: Request) -> Response:
    """A version with its source run, metrics, parameters, signature and stage."""
    name, number = str(request.path_params["name"]), str(request.path_params["version"])
    found = await services.database.read(lambda connection: _look(connection, name, number))
    metrics, params, source = _measured(found)
    return page(
        request,
        "model_version.html",
        place="models",
        name=name,
        own=f"/models/{name}/versions/{found.version.version}",
        version=found.version,
        location=found.location,
        run=found.run,
        experiment=found.experiment,
        logged=found.logged,
        tags=own_tags(found.version.tags),
        metrics=metrics[:MOST_ROWS],
        params=params[:MOST_ROWS],
        left_out=max(0, len(metrics) - MOST_ROWS) + max(0, len(params) - MOST_ROWS),
        measured_by=source,
        others=found.others,
        files=_files(found.version),
        described=await in_thread(_described, services, found.location),
        stages=STAGES,
    )


def _look(connection: Connection, name: str, number: str) -> _Found:
    model_of(connection, name)
    row = model_versions.find(connection, name, number)
    version = model_versions.get(connection, name, number)
    run = _run(connection, row.run_uuid)
    others = (
        select(version_rows.c.version, version_rows.c.run_uuid)
        .where(
            version_rows.c.registered_model_id == row.registered_model_id,
            version_rows.c.version != row.version,
            version_rows.c.run_uuid != "",
        )
        .order_by(version_rows.c.version.desc())
        .limit(MOST_OTHERS)
    )
    return _Found(
        version=version,
        location=model_versions.location(row),
        run=run,
        experiment=None if run is None else experiments.get(connection, run.info.experiment_id),
        logged=_logged(connection, row.model_uuid),
        others=[(other, run_id) for other, run_id in connection.execute(others)],
    )


def _run(connection: Connection, run_id: str) -> Run | None:
    try:
        return runs.get(connection, run_id) if run_id else None
    except NotFound:  # deleted for good, or on another server
        return None


def _logged(connection: Connection, model_id: str | None) -> LoggedModel | None:
    try:
        return logged_models.get(connection, model_id, allow_deleted=True) if model_id else None
    except NotFound:
        return None


def _measured(found: _Found) -> tuple[Sequence[Metric], Sequence[Tag], str]:
    """Metrics and parameters of the logged model where it has any, else of the run; and whose they are."""
    if found.logged is not None and (found.logged.data.metrics or found.logged.data.params):
        latest = {(metric.key, metric.dataset_name): metric for metric in found.logged.data.metrics}
        return list(latest.values()), found.logged.data.params, "logged model"
    if found.run is not None:
        return found.run.data.metrics, found.run.data.params, "run"
    return (), (), ""


def _files(version: ModelVersion) -> str:
    """Where the files of a version that came from its run are looked at; "" where that is not known."""
    split = artifact_head.split_uri(version.source)
    if split is None or split[0] != version.run_id:
        return ""
    return url(f"/runs/{version.run_id}/artifacts", path=split[1])


def _described(services: Services, location: str) -> described.Model | None:
    """What the model's own file says; None where it cannot be read."""
    try:
        place = services.places.of(location)
    except ServerError:  # on a store that this server does not read
        return None
    head = artifact_head.read_if_possible(place, described.MLMODEL, MOST_BYTES)
    try:
        return None if head is None or head.is_cut else described.of(head.text)
    except Unreadable:
        return None
