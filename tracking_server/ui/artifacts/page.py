"""The artifacts of a run or a logged model: their tree, and what was chosen of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api.transfers import ask
from tracking_server.artifacts.paths import safe_path
from tracking_server.errors import NotFound, ServerError, Unavailable
from tracking_server.services import Services
from tracking_server.store import experiments, logged_models, runs
from tracking_server.ui.artifacts import listing, raw, shown
from tracking_server.ui.artifacts.held import Held, by_model, by_run
from tracking_server.ui.artifacts.model import MLMODEL
from tracking_server.ui.frame import page
from tracking_server.ui.run import heading

MOST_SEARCHED = 200
"""How long the text of a search can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the viewer shows. `problem` where the artifacts are elsewhere, or their store does not answer."""

    tree: listing.Tree | None = None
    found: listing.Found | None = None
    file: shown.File | None = None
    model: shown.ShownModel | None = None
    problem: str = ""
    is_elsewhere: bool = False
    status: int = 200


async def show_run(services: Services, request: Request) -> Response:
    """The artifacts of a run."""
    run_id = request.path_params["run_id"]
    above = await services.database.read(lambda connection: heading.of(connection, run_id))
    uri = above.run.artifact_uri
    held, view = await _looked(lambda: by_run(run_id, uri, services.places.of(uri)), request)
    return _page(
        request, "run_artifacts.html", held, view, uri=uri, own=f"/runs/{run_id}/artifacts",
        heading=above, tab="artifacts", code_uri=f"runs:/{run_id}",
    )  # fmt: skip


async def show_model(services: Services, request: Request) -> Response:
    """The artifacts of a logged model."""
    model_id = request.path_params["model_id"]

    def look(connection: Any) -> tuple[Any, Any]:
        found = logged_models.find(connection, model_id)
        return found, experiments.get(connection, str(found.experiment_id))

    found, experiment = await services.database.read(look)
    uri = found.artifact_uri
    held, view = await _looked(lambda: by_model(model_id, uri, services.places.of(uri)), request)
    return _page(
        request, "model_artifacts.html", held, view, uri=uri, own=f"/logged-models/{model_id}/artifacts",
        logged=found, experiment=experiment, code_uri=f"models:/{model_id}",
    )  # fmt: skip


async def raw_of_run(services: Services, request: Request) -> Response:
    """A file of a run, for the viewer."""
    run_id = request.path_params["run_id"]
    run = await services.database.read(lambda connection: runs.find(connection, run_id))
    held = by_run(run_id, run.artifact_uri, services.places.of(run.artifact_uri))
    return await raw.send(held, request.query_params.get("path", ""), request)


async def raw_of_model(services: Services, request: Request) -> Response:
    """A file of a logged model, for the viewer."""
    model_id = request.path_params["model_id"]
    found = await services.database.read(lambda connection: logged_models.find(connection, model_id))
    held = by_model(model_id, found.artifact_uri, services.places.of(found.artifact_uri))
    return await raw.send(held, request.query_params.get("path", ""), request)


async def _looked(held_by: Callable[[], Held], request: Request) -> tuple[Held | None, _View]:
    """The artifacts, None where this server may not look, and the view of them. Raises InvalidParameter."""
    try:
        held = held_by()
    except ServerError as error:
        return None, _View(problem=str(error), is_elsewhere=True)
    query = request.query_params
    path = safe_path(query.get("path", ""))
    wanted, is_source = query.get("find", "").strip()[:MOST_SEARCHED], query.get("source") == "1"
    try:
        return held, await ask("read", _look, held, path, wanted, query.get("after", ""), is_source)
    except Unavailable as error:
        return held, _View(problem=str(error), status=error.status)


def _look(held: Held, path: str, wanted: str, after: str, as_text: bool) -> _View:
    tree = listing.tree(held, path, after)
    chosen = tree.chosen
    if chosen is None:
        return _View(tree=tree, status=NotFound.status)
    if wanted:
        directory = path if chosen.is_dir else path.rpartition("/")[0]
        return _View(tree=tree, found=listing.find(held, directory, wanted))
    if chosen.is_dir:
        has_model = any(entry.name == MLMODEL for entry in tree.listing.entries)
        return _View(tree=tree, model=shown.model_in(held, path) if has_model else None)
    return _View(tree=tree, file=shown.file(held, chosen, as_text=as_text))


def _page(
    request: Request, template: str, held: Held | None, view: _View, *, own: str, uri: str, **values: Any
) -> Response:
    query = request.query_params
    path = query.get("path", "").strip("/") if view.tree is None else safe_path(query.get("path", ""))
    chosen = None if view.tree is None else view.tree.chosen
    directory = path if chosen is not None and chosen.is_dir else path.rpartition("/")[0]
    return page(
        request,
        template,
        status=view.status,
        own=own,
        uri=uri,
        held=held,
        view=view,
        path=path,
        directory=directory,
        parts_of_path=_parts(path),
        wanted=query.get("find", "").strip()[:MOST_SEARCHED],
        is_wrapped=query.get("wrap") == "1",
        as_text=query.get("source") == "1",
        **values,
    )


def _parts(path: str) -> list[tuple[str, str]]:
    """Every part of a path with the path that leads to it."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: at + 1])) for at, part in enumerate(parts)]
