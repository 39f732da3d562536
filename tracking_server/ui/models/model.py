"""One registered model with its versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import NotFound
from tracking_server.services import Services
from tracking_server.store import comparing
from tracking_server.store.registry import registered_models
from tracking_server.store.registry.records import STAGES, ModelVersion, RegisteredModel
from tracking_server.store.searching import registry_search
from tracking_server.store.searching.paging import Page, SearchRequest
from tracking_server.ui.frame import page
from tracking_server.ui.models.page import own_tags

PER_PAGE = 50


async def show(services: Services, request: Request) -> Response:
    """A registered model: what it is, its aliases and tags, and its versions, the newest first."""
    name = str(request.path_params["name"])
    token = request.query_params.get("page_token", "")

    def look(connection: Connection) -> tuple[RegisteredModel, Page[ModelVersion], dict[str, str]]:
        found = model_of(connection, name)
        quoted = name.replace("'", "''")
        asked = SearchRequest(
            filter=f"name = '{quoted}'",
            order_by=("version_number DESC",),
            max_results=PER_PAGE,
            page_token=token,
        )
        versions = registry_search.versions(connection, asked)
        return found, versions, run_names(connection, versions.items)

    model, versions, names = await services.database.read(look)
    return page(
        request,
        "model.html",
        place="models",
        model=model,
        own=f"/models/{name}",
        tags=own_tags(model.tags),
        versions=versions.items,
        next_page_token=versions.next_page_token,
        aliases_of=_aliases(model),
        run_names=names,
        stages=STAGES,
        can_compare=sum(1 for version in versions.items if version.run_id) > 1,
    )


def model_of(connection: Connection, name: str) -> RegisteredModel:
    """A registered model. Raises NotFound, for a prompt too, which is none."""
    row = registered_models.find(connection, name)
    if registered_models.is_prompt(connection, row):
        raise NotFound(f"'{name}' is a prompt, and no model.")
    return registered_models.get(connection, name)


def run_names(connection: Connection, versions: Sequence[ModelVersion]) -> dict[str, str]:
    """The names of the runs that the versions come from, as far as they are in the store."""
    ids = list(dict.fromkeys(version.run_id for version in versions if version.run_id))
    rows: list[Any] = comparing.rows_of(connection, ids)
    return {row.uuid: row.name for row in rows}


def _aliases(model: RegisteredModel) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alias in model.aliases:
        found.setdefault(alias.version, []).append(alias.alias)
    return found
